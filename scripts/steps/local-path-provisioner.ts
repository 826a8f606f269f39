import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

/** Serves kind's default storage class. */
export const localPathProvisioner = goComponent({
  id: 'local-path-provisioner',
  title: 'local-path-provisioner',
  seconds: 220,
  source: pinned('images/node/local-path-provisioner', 'github.com/rancher/local-path-provisioner'),
  needs: [goToolchain],
  programs: { 'local-path-provisioner': 'github.com/rancher/local-path-provisioner' },
  ldflags: (version) => [`-X main.VERSION=${version}`],
});
