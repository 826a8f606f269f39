import path from 'node:path';
import { componentProgram } from '../lib/component.js';
import { forkInputs, forks, layOut } from '../lib/fork.js';
import { goBuild, pinnedVersion } from '../lib/go.js';
import { file, step } from '../lib/step.js';
import { goToolchain } from './go-toolchain.js';

const { module } = forks.containerd;
const programs = ['containerd', 'ctr', 'containerd-shim-runc-v2'];

/**
 * The container runtime of the nodes, patched. The snapshotters that kind does not use are left out, as kind's own base image does.
 * The version says that it is this fork; build metadata does not change its precedence.
 */
export const containerd = step({
  id: 'containerd',
  title: 'containerd',
  needs: [goToolchain],
  inputs: forkInputs(forks.containerd),
  produces: (ctx) => programs.map((name) => file(componentProgram(ctx, 'containerd', name))),
  async run(ctx) {
    const { pin, folder } = await layOut(ctx, forks.containerd);
    await goBuild(ctx, {
      pin,
      cwd: folder,
      folder: path.join(ctx.paths.build, 'containerd'),
      programs: Object.fromEntries(programs.map((name) => [name, `${module}/cmd/${name}`])),
      tags: ['no_aufs', 'no_zfs', 'no_btrfs', 'no_devmapper', 'urfave_cli_no_docs'],
      ldflags: [`-X ${module}/version.Version=${pinnedVersion(pin, module)}+checkpoint`],
    });
  },
});
