import { goComponent } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

/** The cluster's DNS server. */
export const coredns = goComponent({
  id: 'coredns',
  title: 'CoreDNS',
  seconds: 230,
  folder: 'images/node/coredns',
  module: 'github.com/coredns/coredns',
  needs: [goToolchain],
  programs: { coredns: 'github.com/coredns/coredns' },
  ldflags: () => ['-X github.com/coredns/coredns/coremain.GitCommit='],
});
