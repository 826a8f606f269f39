import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { imageNames } from '../lib/core/options.js';
import { step } from '../lib/engine/step.js';
import { dockerEngine } from './docker-engine.js';
import { rootFilesystem, rootFilesystemTar } from './root-filesystem.js';

/** The image of a real server, which is moved with its data. */
export const serverImage = step({
  id: 'server-image',
  title: 'server image',
  seconds: 20,
  uses: ['docker'],
  needs: [dockerEngine, rootFilesystem],
  inputs: ['images/server'],
  options: ({ options }) => ({ instance: options.instance }),
  produces: ({ options }) => [dockerImage(imageNames(options).server)],
  async run(ctx) {
    await buildImage(ctx, imageNames(ctx.options).server, {
      dockerfile: ctx.paths.inRoot('images', 'server', 'Dockerfile'),
      files: { 'root-filesystem.tar': rootFilesystemTar(ctx.paths.build) },
      fetches: true,
    });
  },
});
