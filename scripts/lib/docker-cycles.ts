import type { Context } from './context.js';
import { readCount, untilPast } from './counter.js';
import { CommandError, ToolkitError } from './errors.js';
import type { Proof } from './proof.js';

/** How long the engine may take to let go of a checkpoint, milliseconds. */
const PATIENCE = 20_000;

/**
 * Runs the counter in Docker, checkpoints it and starts it from the checkpoint, again and again.
 * @param cycles how many times
 * @returns the last number
 */
export async function proveDockerCycles(ctx: Context, proof: Proof, image: string, cycles: number): Promise<number> {
  const name = `counter-${ctx.options.instance}-${process.pid}`;
  const docker = async (...args: string[]): Promise<string> =>
    (await ctx.runner.run('docker', args, { failure: `docker ${args.slice(0, 2).join(' ')} failed` })).stdout;
  const log = (): Promise<string> => docker('logs', name);
  const count = async (): Promise<number> => readCount(await log()).last;
  const countsPast = async (number: number): Promise<number> =>
    (await untilPast(ctx, number, log, (last) => new ToolkitError(`the counter stays at ${last}`))).last;
  try {
    await proof.show('the counter runs in Docker', async () => {
      await docker('run', '--detach', '--name', name, image);
      const last = await countsPast(2);
      return { seen: `at ${last}`, value: last };
    });
    for (let cycle = 1; cycle <= cycles; cycle++) {
      const checkpoint = `checkpoint${cycle}`;
      await proof.show(`cycle ${cycle}: checkpointed, started from it, counts on without gap or repeat`, async () => {
        await docker('checkpoint', 'create', name, checkpoint);
        const stopped = await docker('inspect', '--format', '{{.State.Running}}', name);
        if (stopped !== 'false') throw new ToolkitError('the container still runs after docker checkpoint create');
        const before = await count();
        await startFrom(ctx, name, checkpoint);
        const after = await countsPast(before + 2);
        return { seen: `${before} → ${after}`, value: after };
      });
    }
    return await count();
  } finally {
    await ctx.lastly.run('docker', ['rm', '--force', '--volumes', name], { accept: true });
  }
}

/**
 * Starts a container from a checkpoint. The engine uploads the checkpoint into containerd's content store, where what
 * `docker checkpoint create` had put there stays until it is collected, a moment later: until then the upload "already exists",
 * and the container is left as it was.
 */
async function startFrom(ctx: Context, container: string, checkpoint: string): Promise<void> {
  const deadline = ctx.clock.now() + PATIENCE;
  for (;;) {
    try {
      await ctx.runner.run('docker', ['start', '--checkpoint', checkpoint, container], { failure: 'docker start --checkpoint failed' });
      return;
    } catch (error) {
      if (!(error instanceof CommandError) || !/already exists/.test(error.output) || ctx.clock.now() > deadline) throw error;
      await ctx.clock.sleep(100, ctx.signal);
    }
  }
}
