import path from 'node:path';
import { compilation, compileStatic } from '../lib/build/c-program.js';
import { buildImage, dockerImage } from '../lib/build/docker-image.js';
import { imageNames } from '../lib/core/options.js';
import { step } from '../lib/engine/step.js';
import { buildPackages } from './build-packages.js';
import { dockerEngine } from './docker-engine.js';

/** It sums up to 1 GiB. */
const FLAGS = ['-O2'];

/** The image that holds connections, locks and memory, and tells whether it still has them: restores are proven on it. */
export const witnessImage = step({
  id: 'witness-image',
  title: 'witness image',
  seconds: 2,
  uses: ['docker'],
  needs: [dockerEngine, buildPackages],
  inputs: ['images/witness'],
  options: async ({ options }) => ({ instance: options.instance, ...(await compilation(FLAGS)) }),
  produces: ({ options }) => [dockerImage(imageNames(options).witness)],
  async run(ctx) {
    const program = path.join(ctx.paths.build, 'witness');
    await compileStatic(ctx, ctx.paths.inRoot('images', 'witness', 'witness.c'), program, FLAGS);
    await buildImage(ctx, imageNames(ctx.options).witness, {
      dockerfile: ctx.paths.inRoot('images', 'witness', 'Dockerfile'),
      files: { witness: program },
    });
  },
});
