import { goComponent } from '../lib/build/go-component.js';
import { forked, forks } from '../lib/forks/fork.js';
import { goToolchain } from './go-toolchain.js';

const { module } = forks.kind;

/** The patched kind. */
export const kind = goComponent({
  id: 'kind',
  title: 'kind',
  seconds: 40,
  source: forked(forks.kind),
  needs: [goToolchain],
  programs: { kind: module },
  ldflags: () => [`-X ${module}/pkg/cmd/kind/version.versionPreRelease=checkpoint`],
  into: 'bin',
});
