import path from 'node:path';
import { goBuild } from '../lib/build/go.js';
import { file, step } from '../lib/engine/step.js';
import { forkInputs, forks, layOut } from '../lib/forks/fork.js';
import { goToolchain } from './go-toolchain.js';

const { module } = forks.kind;

/** The patched kind. */
export const kind = step({
  id: 'kind',
  title: 'kind',
  seconds: 40,
  needs: [goToolchain],
  inputs: forkInputs(forks.kind),
  produces: ({ paths }) => [file(path.join(paths.bin, 'kind'))],
  async run(ctx) {
    const { pin, folder } = await layOut(ctx, forks.kind);
    await goBuild(ctx, {
      pin,
      cwd: folder,
      folder: ctx.paths.bin,
      programs: { kind: module },
      ldflags: [`-X ${module}/pkg/cmd/kind/version.versionPreRelease=checkpoint`],
    });
  },
});
