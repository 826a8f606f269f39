import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

const module = 'github.com/containernetworking/plugins';

/** The CNI plugins that pod networking uses (`images/pod-network`), and bridge for experiments. */
export const cniPlugins = goComponent({
  id: 'cni-plugins',
  title: 'CNI plugins',
  seconds: 12,
  source: pinned('images/base/cni-plugins', module),
  needs: [goToolchain],
  programs: {
    bridge: `${module}/plugins/main/bridge`,
    loopback: `${module}/plugins/main/loopback`,
    ptp: `${module}/plugins/main/ptp`,
    portmap: `${module}/plugins/meta/portmap`,
    'host-local': `${module}/plugins/ipam/host-local`,
  },
  ldflags: (version) => [`-X ${module}/pkg/utils/buildversion.BuildVersion=${version}`],
});
