import path from 'node:path';
import { goComponent, pinned } from '../lib/build/go-component.js';
import { goToolchain } from './go-toolchain.js';

const module = 'github.com/checkpoint-restore/checkpointctl';

/** Where checkpointctl lies after its step. */
export const checkpointctlProgram = (bin: string): string => path.join(bin, 'checkpointctl');

/** The field's program for looking into checkpoint archives; `kubectl checkpoint inspect` stands on it. */
export const checkpointctl = goComponent({
  id: 'checkpointctl',
  title: 'checkpointctl',
  seconds: 15,
  source: pinned('tools/checkpointctl', module),
  needs: [goToolchain],
  programs: { checkpointctl: module },
  ldflags: (version) => ['-X main.name=checkpointctl', `-X main.version=${version.replace(/^v/, '')}`],
  into: 'bin',
});
