import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import { Node, type NodeScript, readTasks, shell } from '../lib/cluster/node.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { messageOf } from '../lib/core/errors.js';

/** The images that containerd 2.0 makes of a container on the way, and forgets. Those of others may be at use. */
const leftovers = ({ id }: Pick<RunningContainer, 'id'>): string => `name~=^containerd.io/checkpoint/${id}:`;
/**
 * What our containerd keeps while a container stays paused because it was handed over: it may run elsewhere, and is not to be resumed by
 * anyone who finds it paused.
 */
const handedOverMarker = ({ id }: Pick<RunningContainer, 'id'>): string =>
  `/var/lib/containerd/io.containerd.grpc.v1.cri/containers/${id}/ctrd-handed-over`;
/** How long to wait for a container to show whether it was left paused, milliseconds. */
const SETTLE_MS = 300;
/** How often a paused container is looked at while somebody may be at work on it, milliseconds. */
const LOOK_MS = 250;

/** So much of CRIU's log tells what is wrong. */
const REASON_LINES = 5;

/** What a node holds of a container at one time. */
export interface Sight {
  /** What containerd 2.0 has forgotten. */
  readonly images: ReadonlySet<string>;
  readonly archives: ReadonlySet<string>;
  /** Paused, and not because it was handed over. */
  readonly paused: boolean;
}

/** ctr(8) takes a while to begin: both at once. What they print must not mingle. */
const LOOK = `ctr --namespace=k8s.io images ls --quiet "$1" & images=$!
tasks=$(ctr --namespace=k8s.io tasks ls) || exit
[ ! -e "$4" ] || tasks=
wait "$images" || exit
printf 'tasks:\\n%s\\narchives:\\n' "$tasks"
find "$2" -maxdepth 1 -name "$3" 2>/dev/null
true`;

/** What {@link readSight} reads: all that is to be known of a container on its node, in one go. */
export function lookScript(container: RunningContainer): NodeScript {
  return { text: LOOK, args: [leftovers(container), archiveFolder, archivePattern(container), handedOverMarker(container)] };
}

/** Reads what {@link lookScript} printed. */
export function readSight(printed: string, { id }: Pick<RunningContainer, 'id'>): Sight {
  const [images = '', rest = ''] = printed.split(/^tasks:\n/m);
  const [tasks = '', archives = ''] = rest.split(/^archives:\n?/m);
  const lines = (text: string): Set<string> => new Set(text.split('\n').filter(Boolean));
  return {
    images: lines(images),
    archives: lines(archives),
    paused: readTasks(tasks).some((task) => task.id === id && task.status === 'PAUSED'),
  };
}

/** Looks at a container on its node: before a checkpoint, to tell afterwards what that left. */
export async function look(ctx: Pick<Context, 'runner'>, container: RunningContainer): Promise<Sight> {
  return readSight((await new Node(ctx.runner, container.node).run(shell(lookScript(container)))).stdout, container);
}

/** A look that stands by on the node. */
export interface StandBy {
  /** Looks now. */
  look(): Promise<Sight>;
  /** There will be no look, unless there was one. */
  dismiss(): void;
}

/**
 * Has a look stand by: a command on a node takes a while to begin, which is over by the time that a checkpoint is made. It ends by
 * itself when this process does.
 */
export function standBy(ctx: Context, container: RunningContainer): StandBy {
  const word = new PassThrough();
  const { text, args } = lookScript(container);
  const command = shell({ text: `read -r word || exit 0\n${text}`, args });
  // After what is on its way already: the checkpoint itself.
  const printed = setImmediate().then(() => new Node(ctx.runner, container.node).run(command, { inputStream: word }));
  printed.catch(() => undefined);
  return {
    look: async () => {
      word.end('\n');
      const seen = await printed.catch(() => undefined);
      return seen === undefined ? look(ctx, container) : readSight(seen.stdout, container);
    },
    dismiss: () => void word.end(),
  };
}

/**
 * After a success: takes out what the runtime forgot, and resumes a container that was paused before the call and still is.
 * @param now what is on the node now
 */
export async function cleanUpAfterSuccess(ctx: Context, container: RunningContainer, before: Sight, now: Sight): Promise<void> {
  const node = new Node(ctx.runner, container.node);
  await Promise.all([removeLeftovers(node, before, now), resume(ctx, node, container, now)]);
}

/** What is known about a checkpoint that failed. */
export interface Failure {
  /** What runs in the node and must end there when the run was stopped; an extended regular expression for pkill(1). */
  readonly request?: string | undefined;
  /** How long a container may stay paused because someone is still at work on it, milliseconds. */
  readonly patienceMs: number;
}

/**
 * After a failure that may have begun something: resumes the container and removes what is half-made. An archive that is whole
 * stays, for someone else may have made it meanwhile. Runs also when the run itself was stopped, and does not hide the error
 * that led here.
 */
export async function restoreAfterFailure(
  ctx: Context,
  container: RunningContainer,
  before: Sight,
  { request, patienceMs }: Failure,
): Promise<void> {
  const node = new Node(ctx.cleanupRunner, container.node);
  try {
    const stopped = ctx.signal.aborted;
    if (stopped && request !== undefined) {
      // Stopping `docker exec` does not stop what it had started in the node.
      await node.run(['pkill', '-f', request], { accept: true });
      await ctx.clock.sleep(SETTLE_MS);
    }
    const until = ctx.clock.now() + patienceMs;
    while (!ctx.signal.aborted && ctx.clock.now() < until && (await isPaused(node, container))) await ctx.clock.sleep(LOOK_MS);
    const now = await look({ runner: ctx.cleanupRunner }, container);
    await resume(ctx, node, container, now);
    for (const archive of now.archives) {
      if (!before.archives.has(archive) && (stopped || !(await isWhole(node, archive)))) await node.remove(archive);
    }
    await removeLeftovers(node, before, now);
  } catch (error) {
    ctx.say(`could not put everything right on ${node.name}: ${messageOf(error)}`);
  }
}

async function resume({ say }: Context, node: Node, { id, container, pod }: RunningContainer, { paused }: Sight): Promise<void> {
  if (!paused) return;
  await node.ctr(['tasks', 'resume', id]);
  say(`container ${container} of pod ${pod} had been left paused: it runs again`);
}

/** Whether the runtime counts a container as paused. */
export async function isPaused(node: Node, { id }: Pick<RunningContainer, 'id'>): Promise<boolean> {
  return (await node.tasks()).some((task) => task.id === id && task.status === 'PAUSED');
}

/**
 * CRIU's own words on a dump that failed: the last lines with Error of the log that the answer names.
 * @param answer what the kubelet said
 */
export async function criuReason(ctx: Context, node: string, answer: string): Promise<string[]> {
  const log = /(\/(?:run|var)\/\S+\.log)\b/.exec(answer)?.[1];
  if (log === undefined) return [];
  const { stdout } = await new Node(ctx.cleanupRunner, node)
    .run(['grep', '--text', 'Error', log], { accept: true })
    .catch(() => ({ stdout: '' }));
  return stdout
    .split('\n')
    .filter(Boolean)
    .slice(-REASON_LINES)
    .map((line) => `CRIU: ${line}`);
}

/** Resumes a container whose task is paused. @returns whether it was */
export async function resumeIfPaused(node: Node, { id }: Pick<RunningContainer, 'id'>): Promise<boolean> {
  if (!(await isPaused(node, { id }))) return false;
  await node.ctr(['tasks', 'resume', id]);
  return true;
}

/** Names of a container's archives, for find(1). */
function archivePattern({ pod, namespace, container }: RunningContainer): string {
  return `checkpoint-${pod}_${namespace}-${container}-[0-9][0-9][0-9][0-9]-*T*.tar`;
}

/** spec.dump is among the last entries: an archive that was cut off between two entries lacks it. */
export async function isWhole(node: Node, archive: string): Promise<boolean> {
  const script = 'list=$(tar -tf - <"$1" 2>/dev/null) && echo "$list" | grep -qx spec.dump';
  const { exitCode } = await node.run(['sh', '-c', script, 'sh', archive], { accept: true });
  return exitCode === 0;
}

/** containerd 2.0 keeps an image, and its content, of every checkpoint: takes out those that were not there before. */
async function removeLeftovers(node: Node, before: Sight, now: Sight): Promise<void> {
  const added = [...now.images].filter((image) => !before.images.has(image));
  if (added.length > 0) await node.ctr(['images', 'rm', '--sync', ...added]);
}
