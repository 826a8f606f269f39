import { type GoComponent, goComponent, pinned } from '../lib/build/go-component.js';
import { forked, forks } from '../lib/forks/fork.js';
import { goToolchain } from './go-toolchain.js';

const { folder, module } = forks.containerd;

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
  ...recipe(['containerd', 'ctr', 'containerd-shim-runc-v2'], '+checkpoint'),
});

/** containerd as upstream releases it, without our patches: what ours is measured against. */
export const stockContainerd = goComponent({
  id: 'stock-containerd',
  title: 'containerd without patches',
  seconds: 25,
  source: pinned(folder, module),
  needs: [goToolchain],
  ...recipe(['containerd']),
});
