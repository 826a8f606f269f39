import { archiveFolder } from '../lib/cluster/kubelet.js';
import { nodeImages, onNode } from '../lib/cluster/node.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { messageOf } from '../lib/core/errors.js';
import type { Runner } from '../lib/core/runner.js';

/** The images that containerd 2.0 makes of a container on the way, and forgets. Those of others may be at use. */
const leftovers = ({ id }: Pick<RunningContainer, 'id'>): string => `name~=^containerd.io/checkpoint/${id}:`;
/** How long to wait for a container to show whether it was left paused, milliseconds. */
const SETTLE_MS = 300;
/** How often a paused container is looked at while somebody may be at work on it, milliseconds. */
const LOOK_MS = 250;

/** So much of CRIU's log tells what is wrong. */
const REASON_LINES = 5;

/** What a node held before a checkpoint. */
export interface Before {
  readonly images: ReadonlySet<string>;
  readonly archives: ReadonlySet<string>;
}

/** Notes what the node holds, to tell afterwards what a checkpoint left. */
export async function lookBefore(ctx: Context, container: RunningContainer): Promise<Before> {
  return {
    images: new Set(await nodeImages(ctx, container.node, leftovers(container))),
    archives: new Set(await archivesOf(ctx.runner, container)),
  };
}

/** After a success: takes out what the runtime forgot, and resumes a container that was paused before the call and still is. */
export async function cleanUpAfterSuccess(ctx: Context, container: RunningContainer, before: Before): Promise<void> {
  await Promise.all([removeLeftovers(ctx.runner, container, before.images), resume(ctx, ctx.runner, container)]);
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
  before: Before,
  { request, patienceMs }: Failure,
): Promise<void> {
  const { cleanupRunner, say } = ctx;
  const { node } = container;
  try {
    const stopped = ctx.signal.aborted;
    if (stopped && request !== undefined) {
      // Stopping `docker exec` does not stop what it had started in the node.
      await onNode({ runner: cleanupRunner }, node, ['pkill', '-f', request], { accept: true });
      await ctx.clock.sleep(SETTLE_MS);
    }
    const until = ctx.clock.now() + patienceMs;
    while (!ctx.signal.aborted && ctx.clock.now() < until && (await isPaused(cleanupRunner, container))) await ctx.clock.sleep(LOOK_MS);
    await resume(ctx, cleanupRunner, container);
    for (const archive of await archivesOf(cleanupRunner, container)) {
      if (!before.archives.has(archive) && (stopped || !(await isWhole(cleanupRunner, node, archive))))
        await onNode({ runner: cleanupRunner }, node, ['rm', '-f', archive]);
    }
    await removeLeftovers(cleanupRunner, container, before.images);
  } catch (error) {
    say(`could not put everything right on ${node}: ${messageOf(error)}`);
  }
}

async function resume({ say }: Context, runner: Runner, container: RunningContainer): Promise<void> {
  if (await resumeIfPaused(runner, container))
    say(`container ${container.container} of pod ${container.pod} had been left paused: it runs again`);
}

/** Whether the runtime counts a container as paused. */
export async function isPaused(runner: Runner, { node, id }: Pick<RunningContainer, 'node' | 'id'>): Promise<boolean> {
  const { stdout } = await onNode({ runner }, node, ['ctr', '--namespace=k8s.io', 'tasks', 'ls']);
  return stdout.split('\n').some((line) => line.startsWith(id) && /\bPAUSED\b/.test(line));
}

/**
 * CRIU's own words on a dump that failed: the last lines with Error of the log that the answer names.
 * @param answer what the kubelet said
 */
export async function criuReason(ctx: Context, node: string, answer: string): Promise<string[]> {
  const log = /(\/(?:run|var)\/\S+\.log)\b/.exec(answer)?.[1];
  if (log === undefined) return [];
  const { stdout } = await onNode({ runner: ctx.cleanupRunner }, node, ['grep', '--text', 'Error', log], { accept: true }).catch(() => ({
    stdout: '',
  }));
  return stdout
    .split('\n')
    .filter(Boolean)
    .slice(-REASON_LINES)
    .map((line) => `CRIU: ${line}`);
}

/** Resumes a container whose task is paused. @returns whether it was */
export async function resumeIfPaused(runner: Runner, container: Pick<RunningContainer, 'node' | 'id'>): Promise<boolean> {
  if (!(await isPaused(runner, container))) return false;
  await onNode({ runner }, container.node, ['ctr', '--namespace=k8s.io', 'tasks', 'resume', container.id]);
  return true;
}

/** Archives of a container on its node. */
async function archivesOf(runner: Runner, { node, pod, namespace, container }: RunningContainer): Promise<string[]> {
  const { stdout } = await onNode(
    { runner },
    node,
    ['find', archiveFolder, '-maxdepth', '1', '-name', `checkpoint-${pod}_${namespace}-${container}-[0-9][0-9][0-9][0-9]-*T*.tar`],
    { accept: true },
  );
  return stdout.split('\n').filter(Boolean);
}

/** spec.dump is among the last entries: an archive that was cut off between two entries lacks it. */
export async function isWhole(runner: Runner, node: string, archive: string): Promise<boolean> {
  const script = 'list=$(tar -tf - <"$1" 2>/dev/null) && echo "$list" | grep -qx spec.dump';
  const { exitCode } = await onNode({ runner }, node, ['sh', '-c', script, 'sh', archive], { accept: true });
  return exitCode === 0;
}

/** containerd 2.0 keeps an image, and its content, of every checkpoint: takes out those that were not there before. */
async function removeLeftovers(runner: Runner, container: RunningContainer, before: ReadonlySet<string>): Promise<void> {
  const { node } = container;
  const added = (await nodeImages({ runner }, node, leftovers(container))).filter((image) => !before.has(image));
  if (added.length > 0) await onNode({ runner }, node, ['ctr', '--namespace=k8s.io', 'images', 'rm', '--sync', ...added]);
}
