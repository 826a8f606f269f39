import path from 'node:path';
import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { imageNames } from '../lib/core/options.js';
import { step } from '../lib/engine/step.js';
import { dockerEngine } from './docker-engine.js';
import { busybox } from './root-filesystem.js';

/** The image that is checkpointed: it counts. */
export const counterImage = step({
  id: 'counter-image',
  title: 'counter image',
  seconds: 1,
  uses: ['docker'],
  needs: [dockerEngine, busybox],
  inputs: ['images/counter'],
  options: ({ options }) => ({ instance: options.instance }),
  produces: ({ options }) => [dockerImage(imageNames(options).counter)],
  async run(ctx) {
    await buildImage(ctx, imageNames(ctx.options).counter, {
      dockerfile: ctx.paths.inRoot('images', 'counter', 'Dockerfile'),
      files: { busybox: path.join(ctx.paths.build, 'busybox') },
    });
  },
});
