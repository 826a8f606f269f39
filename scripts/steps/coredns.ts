import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

/** The cluster's DNS server. */
export const coredns = goComponent({
  id: 'coredns',
  title: 'CoreDNS',
  seconds: 230,
  source: pinned('images/node/coredns', 'github.com/coredns/coredns'),
  needs: [goToolchain],
  programs: { coredns: 'github.com/coredns/coredns' },
  ldflags: () => ['-X github.com/coredns/coredns/coremain.GitCommit='],
});
