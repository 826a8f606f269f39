import type { Context } from '../lib/core/context.js';
import { CommandError, ToolkitError } from '../lib/core/errors.js';
import { readIfThere } from '../lib/core/files.js';
import { until } from '../lib/core/until.js';
import { readCount, untilPast } from '../workloads/counter.js';
import type { Proof } from './proof.js';

/** How long the engine may take to let go of a checkpoint, milliseconds. */
const PATIENCE_MS = 20_000;

/** How long `docker checkpoint create` may take with a container as small as the counter, milliseconds: it needs less than a second. */
const CHECKPOINT_TIMEOUT_MS = 120_000;
const CRIU_LOG = 'CRIU’s reason is at the end of its log, where the message names one.';
/** How long the container may take to be removed, milliseconds: one whose dump hangs may not go at all. */
const REMOVAL_TIMEOUT_MS = 60_000;

/**
 * True for engines whose `docker start --checkpoint` fails on every network but the host's: from 28 on the network's namespace is
 * looked up before the process is there (moby/moby#50750). A version that cannot be read is taken for a new one.
 */
export function restoresOnHostNetworkOnly(version: string): boolean {
  return !(Number.parseInt(version, 10) < 28);
}

/**
 * Runs the counter in Docker, checkpoints it and starts it from the checkpoint, again and again.
 * @param engine version of the Docker engine
 * @param cycles how many times
 * @returns the last number
 */
export async function proveDockerCycles(ctx: Context, proof: Proof, image: string, engine: string, cycles: number): Promise<number> {
  const onHost = restoresOnHostNetworkOnly(engine);
  if (onHost) ctx.say(`Docker ${engine} restores on the host's network only (moby/moby#50750): the counter runs with --network host`);
  const name = `counter-${ctx.options.instance}-${process.pid}`;
  const docker = async (...args: string[]): Promise<string> =>
    (await ctx.runner.run('docker', args, { failure: `docker ${args.slice(0, 2).join(' ')} failed` })).stdout;
  const log = (): Promise<string> => docker('logs', name);
  const count = async (): Promise<number> => readCount(await log()).last;
  const countsPast = async (number: number): Promise<number> =>
    (await untilPast(ctx, number, log, (last) => new ToolkitError(`the counter stays at ${last}`))).last;
  try {
    await proof.show('the counter runs in Docker', async () => {
      await docker('run', '--detach', '--name', name, ...(onHost ? ['--network', 'host'] : []), image);
      const last = await countsPast(2);
      return { seen: `at ${last}`, value: last };
    });
    for (let cycle = 1; cycle <= cycles; cycle++) {
      const checkpoint = `checkpoint${cycle}`;
      await proof.show(`cycle ${cycle}: checkpointed, started from it, counts on without gap or repeat`, async () => {
        await createCheckpoint(ctx, name, checkpoint, engine);
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
    await ctx.cleanupRunner.run('docker', ['rm', '--force', '--volumes', name], { accept: true, timeoutMs: REMOVAL_TIMEOUT_MS });
  }
}

/** Checkpoints a container. @throws CommandError also when that takes too long, with the cause that is known for this engine */
async function createCheckpoint(ctx: Context, container: string, checkpoint: string, engine: string): Promise<void> {
  const began = ctx.clock.now();
  try {
    await ctx.runner.run('docker', ['checkpoint', 'create', container, checkpoint], {
      failure: 'docker checkpoint create failed',
      hint: CRIU_LOG,
      timeoutMs: CHECKPOINT_TIMEOUT_MS,
    });
  } catch (error) {
    if (!(error instanceof CommandError) || ctx.clock.now() - began < CHECKPOINT_TIMEOUT_MS) throw error;
    throw new CommandError(error.command, error.commandExitCode, error.output, {
      message: 'docker checkpoint create hangs',
      outcome: `ended after ${CHECKPOINT_TIMEOUT_MS / 1000} s`,
      log: error.log,
      hint: (await appArmorIsOn())
        ? `AppArmor is on, and the profile of some engines (24.0.7 of Ubuntu 24.04; this is ${engine}) keeps CRIU waiting for ever (checkpoint-restore/criu#2516). Update Docker: apt-get install docker.io. Whether it is that: journalctl -k | grep apparmor.*DENIED`
        : 'CRIU waits for something: the end of its log, criu-dump.log below /run/containerd/io.containerd.runtime.v2.task/moby, tells for what.',
    });
  }
}

/** True when AppArmor confines containers on this machine. */
async function appArmorIsOn(): Promise<boolean> {
  return (await readIfThere('/sys/module/apparmor/parameters/enabled').catch(() => undefined))?.startsWith('Y') === true;
}

/**
 * Starts a container from a checkpoint. The engine uploads the checkpoint into containerd's content store, where what
 * `docker checkpoint create` had put there stays until it is collected, a moment later: until then the upload "already exists",
 * and the container is left as it was.
 */
async function startFrom(ctx: Context, container: string, checkpoint: string): Promise<void> {
  const start = (): Promise<unknown> =>
    ctx.runner.run('docker', ['start', '--checkpoint', checkpoint, container], {
      failure: 'docker start --checkpoint failed',
      hint: CRIU_LOG,
    });
  await until(
    ctx,
    (refused) => refused ?? new ToolkitError('docker start --checkpoint failed'),
    () =>
      start().then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof CommandError && /already exists/.test(error.output)) return error;
          throw error;
        },
      ),
    (refused) => refused === undefined,
    { patienceMs: PATIENCE_MS, everyMs: 100 },
  );
}
