import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

/** etcd, as the control plane's image holds it. */
export const etcd = goComponent({
  id: 'etcd',
  title: 'etcd',
  seconds: 57,
  source: pinned('images/node/etcd', 'go.etcd.io/etcd/server/v3'),
  needs: [goToolchain],
  programs: { etcd: 'go.etcd.io/etcd/server/v3', etcdctl: 'go.etcd.io/etcd/etcdctl/v3' },
});
