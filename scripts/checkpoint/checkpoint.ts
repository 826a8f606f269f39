import path from 'node:path';
import type { HttpAnswer } from '../lib/cluster/kubelet.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { readIfThere, writeAtomically } from '../lib/core/files.js';
import { holdLock } from '../lib/core/lock.js';
import { hintFor, statusMessage } from '../lib/kube/client.js';
import { archiveIn } from './answer.js';
import { cleanUpAfterSuccess, criuReason, type Failure, look, restoreAfterFailure, type Sight, standBy } from './cleanup.js';
import { type Checkpoint, removeArchive } from './node-archive.js';
import { asker, type Route, requestBy } from './request.js';
import { DEFAULT_TIMEOUT_SECONDS, KUBELET_LEAST_SECONDS } from './timeout.js';

/** Archives are named by the second: two calls within one would collide. Milliseconds. */
export const APART_MS = 1100;

/** What containerd says of a container that is paused, for whatever reason. */
const BUSY = /cannot pause a paused container/;
/** What our containerd says when it has not touched the container, for another checkpoint of it is under way. */
const IN_PROGRESS = /a checkpoint of container .* is already in progress/;
/** What it says of one that stays paused because it was handed over to another pod. */
const HANDED_OVER = /is paused, and was handed over as /;
/** How our containerd says where CRIU's log is, and how it ends. */
const TELLS_LOG = /CRIU's log (?:is|will be) kept in /;
/** How long someone else's checkpoint may go on before the container counts as left paused, milliseconds. */
const BUSY_PATIENCE_MS = 10_000;

/** What was seen on the node, or why it cannot be looked into, as an end of the sentence "node X cannot be looked into: …". */
export type Reached = { readonly before: Sight } | { readonly outOfReach: string };

export interface CheckpointRequest {
  /** Seconds that the runtime may take; `null` sends no timeout (the kubelet's own then holds). */
  readonly timeoutSeconds?: number | null;
  /** Default: the kubelet of the toolkit's cluster. */
  readonly route?: Route;
  /**
   * Looks at the node before the checkpoint, and so says whether it can be put right afterwards. Called once the container's lock is
   * held. Default: it can, for it is a container of this machine's Docker.
   */
  readonly lookAt?: () => Promise<Reached>;
  /** False where the runtime tells two checkpoints of a container within a second apart; default: nobody knows, so they are kept apart. */
  readonly apartByASecond?: boolean;
}

/**
 * Checkpoints a container, with the care that the runtime itself lacks: one at a time per container and not twice in a second; a
 * container that was left paused runs again, whatever happened; what is half-made or left over is removed. The last two where the
 * node can be reached. No other place in the project commands a checkpoint.
 * @throws ToolkitError with the answer
 */
export async function checkpoint(ctx: Context, container: RunningContainer, request: CheckpointRequest = {}): Promise<Checkpoint> {
  return oneAtATime(ctx, container, (name) => command(ctx, container, request, path.join(ctx.paths.locks, `${name}.last`)));
}

/** Does something to a container while nobody else of this machine is at a checkpoint of it. @param act given the lock's name */
export async function oneAtATime<T>(ctx: Context, { id }: Pick<RunningContainer, 'id'>, act: (name: string) => Promise<T>): Promise<T> {
  const name = `checkpoint-${id.slice(0, 20)}`;
  const release = await holdLock(path.join(ctx.paths.locks, name), ctx);
  try {
    return await act(name);
  } finally {
    await release();
  }
}

async function command(
  ctx: Context,
  container: RunningContainer,
  {
    timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
    route = { kind: 'kubelet', cluster: ctx.options.clusterName },
    lookAt = async () => ({ before: await look(ctx, container) }),
    apartByASecond = true,
  }: CheckpointRequest,
  last: string,
): Promise<Checkpoint> {
  const request = requestBy(route, container, timeoutSeconds === null ? {} : { timeout: String(timeoutSeconds) });
  const [reached, ask] = await Promise.all([lookAt(), asker(ctx, route, container.node, request, timeoutSeconds)]);
  const before = 'before' in reached ? reached.before : undefined;
  if (apartByASecond) await keepApart(ctx, last);
  const start = ctx.clock.now();
  let answer: HttpAnswer | undefined;
  const asking = ask();
  const after = before === undefined ? undefined : standBy(ctx, container);
  try {
    answer = await asking;
    if (answer.status !== 200) {
      const reason = answer.status >= 500 && before !== undefined ? await criuReason(ctx, container.node, answer.body) : [];
      throw refused(container, route, answer, reason);
    }
    const archive = archiveIn(answer.body);
    const seconds = secondsSince(ctx.clock, start);
    if (ctx.signal.aborted) throw await stopped(ctx, container.node, archive, reached);
    // Looked at after a success too: a container that was paused before the call still is.
    if (before !== undefined && after !== undefined) await cleanUpAfterSuccess(ctx, container, before, await after.look());
    return { archive, node: container.node, seconds };
  } catch (error) {
    // After a refusal nothing was begun, and what is to be seen on the node is another one's.
    if (answer === undefined || !isRefusal(answer) || (ctx.signal.aborted && before !== undefined)) {
      const failure = { request: route.kind === 'kubelet' ? `curl .*${request.path}` : undefined, patienceMs: patienceAfter(answer) };
      await afterwards(ctx, container, failure, reached);
    }
    throw error;
  } finally {
    after?.dismiss();
  }
}

/** Waits until the second of the last request is over. @param last the file that remembers it */
async function keepApart(ctx: Context, last: string): Promise<void> {
  const wait = Number((await readIfThere(last)) ?? 0) + APART_MS - ctx.clock.now();
  if (wait > 0) await ctx.clock.sleep(Math.min(wait, APART_MS), ctx.signal);
  ctx.signal.throwIfAborted();
  await writeAtomically(last, String(ctx.clock.now()));
}

/** The run was stopped while it waited for the answer: nobody will ask for this archive. @returns what to throw */
async function stopped(ctx: Context, node: string, archive: string, reached: Reached): Promise<unknown> {
  if ('before' in reached) await removeArchive({ runner: ctx.cleanupRunner }, { archive, node });
  else ctx.say(`the archive stays on node ${node}: ${archive}`);
  return ctx.signal.reason;
}

async function afterwards(ctx: Context, container: RunningContainer, failure: Failure, reached: Reached): Promise<void> {
  if ('before' in reached) await restoreAfterFailure(ctx, container, reached.before, failure);
  else
    ctx.say(
      `node ${container.node} cannot be looked into (${reached.outOfReach}). If the container stands still: ctr -n k8s.io tasks resume ${container.id}`,
    );
}

function isRefusal({ status, body }: HttpAnswer): boolean {
  return IN_PROGRESS.test(body) || HANDED_OVER.test(body) || (status < 500 && !BUSY.test(body));
}

/** How long the container may rightly be paused after an answer, milliseconds. */
function patienceAfter(answer: HttpAnswer | undefined): number {
  // The kubelet was not waited for any longer; it is still at work.
  if (answer?.status === 504) return KUBELET_LEAST_SECONDS * 1000;
  // Left paused by an earlier one, or someone else is at it. Only time tells.
  return answer !== undefined && BUSY.test(answer.body) ? BUSY_PATIENCE_MS : 0;
}

const ANSWERED: Readonly<Record<Route['kind'], string>> = {
  kubelet: 'the kubelet',
  'node-proxy': 'the kubelet, through the node proxy,',
  api: 'the API server',
};

function refused(
  { namespace, pod, container }: RunningContainer,
  route: Route,
  { status, body }: HttpAnswer,
  reason: readonly string[],
): ToolkitError {
  const details = [`${ANSWERED[route.kind]} answered ${status}: ${statusMessage(body)}`, ...reason];
  if ((status === 409 && /another checkpoint/.test(body)) || IN_PROGRESS.test(body))
    return new ToolkitError(`container ${container} of pod ${namespace}/${pod} is being checkpointed already`, {
      details,
      hint: 'Try again when that has ended.',
    });
  if (HANDED_OVER.test(body))
    return new ToolkitError(`container ${container} of pod ${namespace}/${pod} is being migrated, and stands still`, {
      details,
      hint: `To bring that to its end: kubectl checkpoint migrate ${pod} --recover --namespace ${namespace}`,
    });
  return new ToolkitError(`container ${container} of pod ${pod} could not be checkpointed`, {
    details,
    hint: refusalHint(route, status, body, reason),
  });
}

const USUAL_REASONS = 'The usual reasons are in docs/troubleshooting.md, under CRIU and checkpoints.';

function refusalHint(route: Route, status: number, body: string, reason: readonly string[]): string | undefined {
  if (status >= 500 && (reason.length > 0 || TELLS_LOG.test(body))) return USUAL_REASONS;
  if (status >= 500) return `CRIU’s reason is in criu-dump.log on the node. ${USUAL_REASONS}`;
  if (status === 404 && route.kind !== 'api' && /page not found/.test(body))
    return 'This kubelet does not checkpoint: the feature gate ContainerCheckpoint is on by default from Kubernetes 1.30 on.';
  return hintFor(status);
}
