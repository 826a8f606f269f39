import { Node } from '../lib/cluster/node.js';
import type { ContainerRef } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { messageOf } from '../lib/core/errors.js';
import type { Kube } from '../lib/kube/client.js';
import type { NodeReach } from '../lib/kube/reach.js';

/** How it is known that a container was restored, and not just started. */
export interface RestoreProof {
  readonly container: string;
  /** The runtime said so; or the container's log is older than its pod; undefined: it is not proven. */
  readonly by: 'runtime' | 'log' | undefined;
  /** The line of the runtime's log, the time of the first line that was printed, or why there is no proof. */
  readonly seen: string;
}

/** A pod whose containers were restored. */
export interface RestoredPodRef {
  readonly namespace: string;
  readonly pod: string;
  /** When it was made, RFC 3339. */
  readonly created: string;
}

/** How often the runtime's log is looked into: the line may come a moment after the container runs. */
const LOOKS = 4;
const LOOK_MS = 250;
/** What is shown of that line. */
const FROM = /^Restored container "[^"]+" of pod "[^"]+"(?: from checkpoint archive "[^"]+")?/;

/**
 * Looks for the proof that a container was restored: in the runtime's log where the node is a container of this machine, else in the
 * container's, which begins with what it had printed before.
 */
export async function proveRestored(
  ctx: Pick<Context, 'runner' | 'clock' | 'signal'>,
  kube: Kube,
  reach: NodeReach,
  { namespace, pod, created }: RestoredPodRef,
  container: string,
): Promise<RestoreProof> {
  let why = `node ${reach.name} cannot be looked into: ${reach.why}`;
  if (reach.kind !== undefined) {
    const line = await runtimeLine(ctx, reach.name, { namespace, pod, container }, created);
    if (line !== undefined) return { container, by: 'runtime', seen: line };
    why = `the runtime of ${reach.name} has not said so`;
  }
  const first = await firstPrinted(kube, { namespace, pod, container });
  if (typeof first === 'number' && first < Date.parse(created))
    return { container, by: 'log', seen: `its log begins at ${new Date(first).toISOString()}, before its pod was made (${created})` };
  return { container, by: undefined, seen: typeof first === 'string' ? `${why}; ${first}` : `${why}; its log is no older than its pod` };
}

/** What containerd writes when it has restored a container. Its log quotes the quotes. */
async function runtimeLine(
  ctx: Pick<Context, 'runner' | 'clock' | 'signal'>,
  node: string,
  { pod, container }: ContainerRef,
  created: string,
): Promise<string | undefined> {
  const since = `@${Math.floor(Date.parse(created) / 1000)}`;
  const command = ['journalctl', '--unit=containerd', '--output=cat', '--no-pager', `--since=${since}`];
  const said = `Restored container "${container}" of pod "${pod}"`;
  for (let look = 1; ; look++) {
    const { stdout } = await new Node(ctx.runner, node).run(command, { accept: true });
    const at = stdout.replaceAll('\\"', '"').indexOf(said);
    const line = stdout.replaceAll('\\"', '"').slice(at).split('\n', 1)[0] ?? '';
    if (at >= 0) return FROM.exec(line)?.[0] ?? said;
    if (look === LOOKS) return undefined;
    await ctx.clock.sleep(LOOK_MS, ctx.signal);
  }
}

/** When the first line of a container's log was printed, milliseconds since the epoch; or why that is not known. */
async function firstPrinted(kube: Kube, { namespace, pod, container }: ContainerRef): Promise<number | string> {
  try {
    const { status, body } = await kube.ask('GET', `/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
      query: { container, timestamps: 'true', limitBytes: '64' },
      timeoutMs: 30_000,
    });
    if (status !== 200) return `its log cannot be read (${status})`;
    const time = Date.parse(body.split(' ', 1)[0] ?? '');
    return Number.isNaN(time) ? 'its log is empty' : time;
  } catch (error) {
    return `its log cannot be read (${messageOf(error)})`;
  }
}
