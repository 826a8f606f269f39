import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Context } from './context.js';
import { messageOf, ToolkitError } from './errors.js';
import { readIfThere, replace, writeAtomically } from './files.js';
import { askKubelet } from './kubelet.js';
import { holdLock } from './lock.js';
import { nodeContainers, nodeImages, onNode } from './node.js';
import type { RunningContainer } from './pod.js';
import type { Runner } from './runner.js';

/** Where the kubelet writes archives. */
const FOLDER = '/var/lib/kubelet/checkpoints';
/** Names that containerd 2.0 gives the images that it makes on the way, and forgets. */
const LEFTOVERS = 'name~=^containerd.io/checkpoint/';
/** Archives are named by the second: two calls within one would collide. Milliseconds. */
const APART = 1100;
/** How long to wait for a container to show whether it was left paused, milliseconds. */
const SETTLE = 300;

/** Generous: a deadline that passes in the middle leaves the container paused. Seconds; large memory takes minutes. */
export const defaultTimeout = 600;

const answerSchema = z.object({ items: z.array(z.string()).length(1) });

export interface CheckpointRequest {
  /** Seconds that the runtime may take; `null` sends no timeout (the kubelet's own then holds). */
  readonly timeout?: number | null;
}

export interface Checkpoint {
  /** Path of the archive on its node. */
  readonly archive: string;
  readonly node: string;
  /** From the request to its answer, seconds. */
  readonly seconds: number;
}

/**
 * Checkpoints a container through its kubelet, with the care that the runtime itself lacks: one at a time per container and not
 * twice in a second; a container that was left paused runs again, whatever happened; what is half-made or left over is removed.
 * @throws ToolkitError with the kubelet's answer
 */
export async function checkpoint(
  ctx: Context,
  container: RunningContainer,
  { timeout = defaultTimeout }: CheckpointRequest = {},
): Promise<Checkpoint> {
  const name = `checkpoint-${ctx.options.clusterName}-${container.id.slice(0, 20)}`;
  const release = await holdLock(path.join(ctx.paths.locks, name), ctx);
  const last = path.join(ctx.paths.locks, `${name}.last`);
  try {
    const wait = Number((await readIfThere(last)) ?? 0) + APART - ctx.clock.now();
    if (wait > 0) await ctx.clock.sleep(Math.min(wait, APART), ctx.signal);
    await writeAtomically(last, String(ctx.clock.now()));
    return await request(ctx, container, timeout);
  } finally {
    await release();
  }
}

async function request(ctx: Context, container: RunningContainer, timeout: number | null): Promise<Checkpoint> {
  const { node, namespace, pod, container: name } = container;
  const query = timeout === null ? '' : `?timeout=${timeout}`;
  const route = `/checkpoint/${namespace}/${pod}/${name}${query}`;
  const before = { images: new Set(await nodeImages(ctx, node, LEFTOVERS)), archives: new Set(await archivesOf(ctx.runner, container)) };
  const start = ctx.clock.now();
  try {
    const answer = await askKubelet(ctx, { node, via: await certificateHolder(ctx, node) }, 'POST', route);
    const seconds = (ctx.clock.now() - start) / 1000;
    if (answer.status !== 200) throw refused(container, answer.status, answer.body);
    const archive = answerSchema.parse(JSON.parse(answer.body)).items[0] ?? '';
    // Looked at after a success too: a container that was paused before the call still is.
    await Promise.all([removeLeftovers(ctx.runner, node, before.images), resume(ctx, ctx.runner, container)]);
    return { archive, node, seconds };
  } catch (error) {
    await putRight(ctx, container, route, before);
    throw error;
  }
}

function refused({ pod, container }: RunningContainer, status: number, body: string): ToolkitError {
  return new ToolkitError(`container ${container} of pod ${pod} could not be checkpointed`, {
    details: [`the kubelet answered ${status}: ${body.trim()}`],
    hint: 'CRIU’s reason is in criu-dump.log on the node; the usual ones are in the README under Troubleshooting.',
  });
}

/** The API server's client certificate lies on control-plane nodes only: workers are asked from one of those. */
async function certificateHolder(ctx: Context, node: string): Promise<string> {
  const nodes = await nodeContainers(ctx, ctx.options.clusterName);
  const own = nodes.find(({ name }) => name === node);
  if (own?.role === 'control-plane') return node;
  const holder = nodes.find(({ role, state }) => role === 'control-plane' && state === 'running');
  if (holder === undefined)
    throw new ToolkitError(`cluster ${ctx.options.clusterName} has no control-plane node that runs`, { hint: 'npm run cluster:up' });
  return holder.name;
}

/** After anything but a success. Runs also when the run itself was stopped, and does not hide the error that led here. */
async function putRight(
  ctx: Context,
  container: RunningContainer,
  route: string,
  before: { images: ReadonlySet<string>; archives: ReadonlySet<string> },
): Promise<void> {
  const { lastly, say } = ctx;
  const { node } = container;
  try {
    if (ctx.signal.aborted) {
      // Stopping `docker exec` does not stop what it had started in the node.
      await onNode({ runner: lastly }, node, ['pkill', '-f', `curl .*${route.replace('?', '\\?')}`], { accept: true });
      await ctx.clock.sleep(SETTLE);
    }
    await resume(ctx, lastly, container);
    for (const archive of await archivesOf(lastly, container)) {
      if (!before.archives.has(archive)) await onNode({ runner: lastly }, node, ['rm', '-f', archive]);
    }
    await removeLeftovers(lastly, node, before.images);
  } catch (error) {
    say(`could not put everything right on ${node}: ${messageOf(error)}`);
  }
}

async function resume({ say }: Context, runner: Runner, container: RunningContainer): Promise<void> {
  if (await resumeIfPaused(runner, container))
    say(`container ${container.container} of pod ${container.pod} had been left paused: it runs again`);
}

/** Archives of a container on its node. */
async function archivesOf(runner: Runner, { node, pod, namespace, container }: RunningContainer): Promise<string[]> {
  const { stdout } = await onNode(
    { runner },
    node,
    ['find', FOLDER, '-maxdepth', '1', '-name', `checkpoint-${pod}_${namespace}-${container}-[0-9][0-9][0-9][0-9]-*T*.tar`],
    { accept: true },
  );
  return stdout.split('\n').filter(Boolean);
}

/** Resumes a container whose task is paused. @returns whether it was */
export async function resumeIfPaused(runner: Runner, { node, id }: Pick<RunningContainer, 'node' | 'id'>): Promise<boolean> {
  const { stdout } = await onNode({ runner }, node, ['ctr', '--namespace=k8s.io', 'tasks', 'ls']);
  const row = stdout.split('\n').find((line) => line.startsWith(id));
  if (row === undefined || !/\bPAUSED\b/.test(row)) return false;
  await onNode({ runner }, node, ['ctr', '--namespace=k8s.io', 'tasks', 'resume', id]);
  return true;
}

/** containerd 2.0 keeps an image, and its content, of every checkpoint: takes out those that were not there before. */
async function removeLeftovers(runner: Runner, node: string, before: ReadonlySet<string>): Promise<void> {
  const added = (await nodeImages({ runner }, node, LEFTOVERS)).filter((image) => !before.has(image));
  if (added.length > 0) await onNode({ runner }, node, ['ctr', '--namespace=k8s.io', 'images', 'rm', '--sync', ...added]);
}

/**
 * Copies an archive from its node to the host: whole or not at all, readable by its owner alone, for it holds the memory of the
 * process and its secrets.
 * @returns path on the host
 */
export async function takeArchive(
  ctx: Context,
  { archive, node }: Pick<Checkpoint, 'archive' | 'node'>,
  target = path.join(ctx.paths.archives, path.posix.basename(archive)),
): Promise<string> {
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  await replace(target, async (temporary) => {
    await ctx.runner.run('docker', ['cp', '--quiet', `${node}:${archive}`, temporary], {
      failure: 'the archive could not be copied from its node',
    });
    await chmod(temporary, 0o600);
  });
  return target;
}

/** Removes an archive from its node. */
export async function removeArchive(ctx: Context, { archive, node }: Pick<Checkpoint, 'archive' | 'node'>): Promise<void> {
  await onNode(ctx, node, ['rm', '-f', archive]);
}
