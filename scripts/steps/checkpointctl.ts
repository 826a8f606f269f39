import path from 'node:path';
import { goBuild, pinnedVersion, readPin } from '../lib/build/go.js';
import { file, step } from '../lib/engine/step.js';
import { goToolchain } from './go-toolchain.js';

const folder = 'tools/checkpointctl';
const module = 'github.com/checkpoint-restore/checkpointctl';

/** Where checkpointctl lies after its step. */
export const checkpointctlProgram = (bin: string): string => path.join(bin, 'checkpointctl');

/** The field's program for looking into checkpoint archives; `kubectl checkpoint inspect` stands on it. */
export const checkpointctl = step({
  id: 'checkpointctl',
  title: 'checkpointctl',
  seconds: 15,
  needs: [goToolchain],
  inputs: [`${folder}/go.mod`, `${folder}/go.sum`],
  produces: ({ paths }) => [file(checkpointctlProgram(paths.bin))],
  async run(ctx) {
    const pin = await readPin(ctx.paths.inRoot(folder));
    await goBuild(ctx, {
      pin,
      folder: ctx.paths.bin,
      programs: { checkpointctl: module },
      ldflags: ['-X main.name=checkpointctl', `-X main.version=${pinnedVersion(pin, module).replace(/^v/, '')}`],
    });
  },
});
