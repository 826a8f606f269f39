import { checkpoint } from '../../checkpoint/checkpoint.js';
import { bringToNode, restoredPod } from '../../checkpoint/restore.js';
import type { Context } from '../../lib/core/context.js';
import { expectSame } from '../../lib/core/errors.js';
import { imageNames } from '../../lib/core/options.js';
import { until } from '../../lib/core/until.js';
import type { Proof } from '../proof.js';
import { countsOnPast } from './counts.js';
import { counter, logOf, pod, remove, run, start } from './pods.js';
import { container, SOME } from './proof.js';

const WITNESS = 'witness';
const RESTORED = 'witness-2';
/** What the containers of its pod are: the witness, one that is connected to it, and a sidecar. */
const CONTAINERS = ['main', 'visitor', 'sidecar'];

/** A container of the witness image. @param args see images/witness/witness.c */
export function witness(ctx: Context, name: string, ...args: readonly string[]): Readonly<Record<string, unknown>> {
  return { name, image: imageNames(ctx.options).witness, imagePullPolicy: 'Never', args };
}

/** What the witness in a container says. */
export async function ask(ctx: Context, name: string, which: string, ...args: readonly string[]): Promise<string> {
  return run(ctx, name, which, ['/witness', ...(args.length > 0 ? args : ['ask'])]);
}

/** Checkpoints containers of a pod one after the other. @returns the names of their archives on a node, by container */
export async function archivesOf(ctx: Context, name: string, containers: readonly string[], node: string): Promise<Record<string, string>> {
  const archives: Record<string, string> = {};
  for (const which of containers) archives[which] = await bringToNode(ctx, await checkpoint(ctx, await container(ctx, name, which)), node);
  return archives;
}

/** Proves what lives on that is neither memory nor a file: connections inside, locks, sockets that are listened on; and what does not. */
export async function proveWitness(ctx: Context, proof: Proof, from: string, to: string): Promise<void> {
  const sidecar = counter(ctx, 'sidecar', { restartPolicy: 'Always' });
  const source = pod(WITNESS, from, [witness(ctx, 'main'), witness(ctx, 'visitor', 'visit')], { initContainers: [sidecar] });
  await proof.show('numbers go to and fro over the loopback and Unix sockets inside a container, and none is lost', async () => {
    await start(ctx, source);
    for (const which of CONTAINERS) await countsOnPast(ctx, WITNESS, SOME, which);
    const archives = await archivesOf(ctx, WITNESS, CONTAINERS, to);
    // The old pod runs on, with all that it has.
    expectSame(await ask(ctx, WITNESS, 'main'), 'outside open\nvisitor open', 'connections of the old pod to others');
    await start(ctx, restoredPod(source, RESTORED, to, archives));
    const { last } = await countsOnPast(ctx, RESTORED, SOME + 10, 'main');
    return { seen: `0 … ${last}`, value: undefined };
  });
  await proof.show('its connections to the outside and to another container of its pod are closed, and both ends are told', async () => {
    const seen = await ask(ctx, RESTORED, 'main');
    expectSame(seen, 'outside closed\nvisitor closed', 'connections to others');
    expectSame(await ask(ctx, RESTORED, 'visitor'), 'visit closed', 'connection of the other container');
    await countsOnPast(ctx, RESTORED, SOME + 10, 'visitor');
    return { seen: seen.replace('\n', ', '), value: undefined };
  });
  await proof.show('locks on files are held, by flock and by fcntl', async () => {
    for (const lock of ['flock', 'fcntl']) expectSame(await ask(ctx, RESTORED, 'main', 'try', `/held/${lock}`), 'held', lock);
    expectSame(await ask(ctx, RESTORED, 'main', 'try', '/held/nobody'), 'free', 'a file that nobody locks');
    return { seen: 'flock, fcntl', value: undefined };
  });
  await proof.show('a sidecar is restored, too', async () => {
    const { last } = await countsOnPast(ctx, RESTORED, SOME + 10, 'sidecar');
    await remove(ctx, WITNESS, RESTORED);
    return { seen: `0 … ${last}`, value: undefined };
  });
}

/**
 * Proves that memory is the same afterwards, by checksums that the processes themselves take.
 * @param sizes MiB of memory, each in a container of its own
 */
export async function proveMemory(ctx: Context, proof: Proof, from: string, to: string, sizes: readonly number[]): Promise<void> {
  const what = sizes.map((mebibytes) => `${mebibytes} MiB`).join(' and ');
  await proof.show(`${what} of random bytes are the same, by the SHA-256 that their processes take of them`, async () => {
    const containers = sizes.map((mebibytes) => [`mib-${mebibytes}`, mebibytes] as const);
    const source = pod(
      'memory',
      from,
      containers.map(([name, mebibytes]) => witness(ctx, name, 'memory', String(mebibytes))),
    );
    await start(ctx, source);
    const before = new Map<string, string>();
    const archives: Record<string, string> = {};
    for (const [name] of containers) {
      before.set(name, await sumOf(ctx, name));
      Object.assign(archives, await archivesOf(ctx, 'memory', [name], to));
    }
    await remove(ctx, 'memory');
    await start(ctx, restoredPod(source, 'memory-2', to, archives));
    for (const [name, sum] of before) expectSame(await ask(ctx, 'memory-2', name), sum, `SHA-256 of ${name}`);
    await remove(ctx, 'memory-2');
    return { seen: [...before.values()].map((sum) => sum.slice(0, 8)).join(', '), value: undefined };
  });
}

/** The sum that a process has printed once its memory was filled. */
function sumOf(ctx: Context, which: string): Promise<string> {
  return until(
    ctx,
    `container ${which} has not filled its memory`,
    async () => (await logOf(ctx, 'memory', which)).trim(),
    (log) => /^[0-9a-f]{64}$/.test(log),
    { patienceMs: 120_000, everyMs: 500 },
  );
}
