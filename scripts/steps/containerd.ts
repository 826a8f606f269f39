import path from 'node:path';
import { type GoComponent, goComponent, pinned } from '../lib/build/go-component.js';
import { once } from '../lib/core/once.js';
import type { Step } from '../lib/engine/step.js';
import { forked, forks } from '../lib/forks/fork.js';
import { goToolchain } from './go-toolchain.js';

const { folder: forkFolder, module } = forks.containerd;

/** The programs of containerd that a node needs. */
export const CONTAINERD_PROGRAMS = ['containerd', 'ctr', 'containerd-shim-runc-v2'] as const;

/**
 * How containerd is built. The snapshotters that kind does not use are left out, as kind's own base image does.
 * @param suffix of the version: build metadata, which does not change its precedence
 */
function recipe(names: readonly string[], suffix = ''): Pick<GoComponent, 'programs' | 'tags' | 'ldflags'> {
  return {
    programs: Object.fromEntries(names.map((name) => [name, `${module}/cmd/${name}`])),
    tags: ['no_aufs', 'no_zfs', 'no_btrfs', 'no_devmapper', 'urfave_cli_no_docs'],
    ldflags: (version) => [`-X ${module}/version.Version=${version}${suffix}`],
  };
}

/** The container runtime of the nodes, patched; its version says that it is this fork. */
export const containerd = goComponent({
  id: 'containerd',
  title: 'containerd',
  seconds: 105,
  source: forked(forks.containerd),
  needs: [goToolchain],
  ...recipe(CONTAINERD_PROGRAMS, '+checkpoint'),
});

/** containerd as upstream releases it, from the pin of ours without the patches: what ours is measured against. */
export const stockContainerd = asReleased('stock-containerd', 'containerd without patches', forkFolder, ['containerd'], 25);

/** The containerd of a pin, as a profile names it: the fork, or another release as it is. @param folder of the pin, in the checkout */
export const containerdOf = once((folder: string): Step => {
  if (folder === forkFolder) return containerd;
  const id = path.posix.basename(folder);
  return asReleased(id, id, folder, CONTAINERD_PROGRAMS, 140);
});

function asReleased(id: string, title: string, folder: string, programs: readonly string[], seconds: number): Step {
  return goComponent({ id, title, seconds, source: pinned(folder, module), needs: [goToolchain], ...recipe(programs) });
}
