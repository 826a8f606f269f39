import { task } from '../lib/cli/task.js';
import { UsageError } from '../lib/core/errors.js';
import { imageNames } from '../lib/core/options.js';
import { bringAbout } from '../lib/engine/bring-about.js';
import { readEngineFacts } from '../lib/host/docker-engine.js';
import { machineFits } from '../lib/host/doctor/before-run.js';
import { proveDockerCycles } from '../proofs/docker.js';
import { Proof } from '../proofs/proof.js';
import { counterImage } from '../steps/counter-image.js';
import { criuOnHost } from '../steps/criu.js';
import { dockerExperimental, refuseUnlessRestartable } from '../steps/docker-experimental.js';

export default task({
  name: 'e2e:docker',
  summary: 'Proves checkpoint and restore through Docker: the counter goes on, no number lost or repeated.',
  manual: [
    'docker checkpoint create, then docker start --checkpoint, again and again. It needs no cluster. It turns "experimental" on in',
    'daemon.json and restarts Docker, where the engine does not say that it is experimental already. From engine 28 on the container',
    'runs with --network host (moby/moby#50750).',
  ],
  flags: { cycles: { type: 'string', value: 'N', help: 'how many times in a row (default: 10)' } },
  async run({ flags, ctx, print, printJson }) {
    const cycles = Number(flags.cycles ?? 10);
    if (!Number.isInteger(cycles) || cycles < 1 || cycles > 1000)
      throw new UsageError(`--cycles: ${flags.cycles ?? ''} is not a whole number from 1 to 1000`);
    await bringAbout(ctx, [dockerExperimental, criuOnHost, counterImage], {
      before: async (pending) => {
        await machineFits(ctx)(pending);
        await refuseUnlessRestartable(ctx);
      },
    });
    const proof = new Proof(ctx, 'e2e:docker');
    const engine = (await readEngineFacts(ctx)).version ?? 'of an unknown version';
    const last = await proveDockerCycles(ctx, proof, imageNames(ctx.options).counter, engine, cycles);
    print(`${proof.summary()}: the counter reached ${last} over ${cycles} checkpoints, with no number lost or repeated`);
    printJson({ proven: proof.proven.map((entry) => ({ ...entry })), cycles, last });
    return undefined;
  },
});
