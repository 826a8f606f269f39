import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

/** The OCI runtime of the nodes, with seccomp through the C library. */
export const runc = goComponent({
  id: 'runc',
  title: 'runc',
  seconds: 45,
  source: pinned('images/base/runc', 'github.com/opencontainers/runc'),
  needs: [goToolchain],
  programs: { runc: 'github.com/opencontainers/runc' },
  // Linked statically, as upstream's releases are: it runs in the nodes whatever C library the host has.
  flags: ['-buildmode=pie'],
  tags: ['seccomp', 'urfave_cli_no_docs', 'netgo', 'osusergo'],
  ldflags: (version) => ['-linkmode external', '-extldflags -static-pie', `-X main.version=${version.replace(/^v/, '')}`],
  cgo: true,
});
