import path from 'node:path';
import { compilation, compileStatic } from '../lib/build/c-program.js';
import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { imageNames } from '../lib/core/options.js';
import { step } from '../lib/engine/step.js';
import { buildPackages } from './build-packages.js';
import { dockerEngine } from './docker-engine.js';

/** The image with much memory: checkpoints are measured on it, and struck in the middle of it. */
export const ballastImage = step({
  id: 'ballast-image',
  title: 'ballast image',
  seconds: 2,
  uses: ['docker'],
  needs: [dockerEngine, buildPackages],
  inputs: ['images/ballast'],
  options: async ({ options }) => ({ instance: options.instance, ...(await compilation()) }),
  produces: ({ options }) => [dockerImage(imageNames(options).ballast)],
  async run(ctx) {
    const program = path.join(ctx.paths.build, 'ballast');
    await compileStatic(ctx, ctx.paths.inRoot('images', 'ballast', 'ballast.c'), program);
    await buildImage(ctx, imageNames(ctx.options).ballast, {
      dockerfile: ctx.paths.inRoot('images', 'ballast', 'Dockerfile'),
      files: { ballast: program },
    });
  },
});
