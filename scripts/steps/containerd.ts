import path from 'node:path';
import { type GoBuild, goBuild, type Pin, pinnedVersion } from '../lib/build/go.js';
import { componentProgram } from '../lib/build/go-component.js';
import { file, step } from '../lib/engine/step.js';
import { forkInputs, forks, layOut } from '../lib/forks/fork.js';
import { goToolchain } from './go-toolchain.js';

const { module } = forks.containerd;
const programs = ['containerd', 'ctr', 'containerd-shim-runc-v2'];

/**
 * How containerd is built, short of where. The snapshotters that kind does not use are left out, as kind's own base image does.
 * @param suffix of the version: build metadata, which does not change its precedence
 */
export function containerdBuild(pin: Pin, names: readonly string[], suffix = ''): Omit<GoBuild, 'folder'> {
  return {
    pin,
    programs: Object.fromEntries(names.map((name) => [name, `${module}/cmd/${name}`])),
    tags: ['no_aufs', 'no_zfs', 'no_btrfs', 'no_devmapper', 'urfave_cli_no_docs'],
    ldflags: [`-X ${module}/version.Version=${pinnedVersion(pin, module)}${suffix}`],
  };
}

/** The container runtime of the nodes, patched; its version says that it is this fork. */
export const containerd = step({
  id: 'containerd',
  title: 'containerd',
  seconds: 105,
  needs: [goToolchain],
  inputs: forkInputs(forks.containerd),
  produces: (ctx) => programs.map((name) => file(componentProgram(ctx, 'containerd', name))),
  async run(ctx) {
    const { pin, folder } = await layOut(ctx, forks.containerd);
    await goBuild(ctx, {
      ...containerdBuild(pin, programs, '+checkpoint'),
      cwd: folder,
      folder: path.join(ctx.paths.build, 'containerd'),
    });
  },
});
