import path from 'node:path';
import { goBuild, readPin } from '../lib/build/go.js';
import { file, step } from '../lib/engine/step.js';
import { forks } from '../lib/forks/fork.js';
import { containerdBuild } from './containerd.js';
import { goToolchain } from './go-toolchain.js';

/** Where containerd as upstream releases it lies, without our patches. */
export const stockContainerdProgram = (build: string): string => path.join(build, 'stock-containerd', 'containerd');

/** containerd as upstream releases it: what ours is measured against. */
export const stockContainerd = step({
  id: 'stock-containerd',
  title: 'containerd without patches',
  seconds: 25,
  needs: [goToolchain],
  inputs: ['go.mod', 'go.sum'].map((name) => `${forks.containerd.folder}/${name}`),
  produces: ({ paths }) => [file(stockContainerdProgram(paths.build))],
  async run(ctx) {
    const pin = await readPin(ctx.paths.inRoot(forks.containerd.folder));
    await goBuild(ctx, { ...containerdBuild(pin, ['containerd']), folder: path.dirname(stockContainerdProgram(ctx.paths.build)) });
  },
});
