import { goComponent } from '../lib/component.js';
import { goToolchain } from './go-toolchain.js';

const module = 'github.com/containerd/containerd/v2';

/** The container runtime of the nodes. The snapshotters that kind does not use are left out, as kind's own base image does. */
export const containerd = goComponent({
  id: 'containerd',
  title: 'containerd',
  folder: 'images/base/containerd',
  module,
  needs: [goToolchain],
  programs: {
    containerd: `${module}/cmd/containerd`,
    ctr: `${module}/cmd/ctr`,
    'containerd-shim-runc-v2': `${module}/cmd/containerd-shim-runc-v2`,
  },
  tags: ['no_aufs', 'no_zfs', 'no_btrfs', 'no_devmapper', 'urfave_cli_no_docs'],
  ldflags: (version) => [`-X ${module}/version.Version=${version}`],
});
