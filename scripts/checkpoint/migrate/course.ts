import { type Context, forCleanup } from '../../lib/core/context.js';
import { messageOf, ToolkitError } from '../../lib/core/errors.js';
import { isAlive } from '../../lib/core/process.js';
import { handOver } from '../handover.js';
import { nextName } from '../pod-manifest.js';
import { judge } from './checks.js';
import { gatherFacts } from './facts.js';
import { archiveOf, archivesOf, isShared, type Journal, sourceContainer } from './journal.js';
import { type MovingPod, movingContainers } from './moving-pod.js';
import { prepareTarget, shareFolder } from './prepare.js';
import { type Patience, type Settled, settle } from './settle.js';
import type { Surroundings } from './surroundings.js';
import { type Timeline, timelineOf } from './timeline.js';
import { findJournal, readPodIfThere } from './world.js';

/** A pod that is to move. */
export interface MigrationRequest {
  readonly namespace: string;
  readonly pod: string;
  /** The node that it goes to; undefined: what was begun is finished or taken back, and no more. */
  readonly to: string | undefined;
  /** Name of the new pod; undefined: one that follows on the old one's. */
  readonly name: string | undefined;
  /** What the runtimes may take for the dump, and for the restore. */
  readonly timeoutSeconds: number;
  /** Go to a node that turns away other pods. */
  readonly force: boolean;
  /** Take over from a command that does not seem to have ended. */
  readonly takeOver: boolean;
  /** Who asks: HOST/PROCESS ID. */
  readonly by: string;
}

/** A pod that has moved. */
export interface Moved {
  readonly outcome: 'moved';
  readonly journal: Journal;
  readonly timeline: Timeline;
  /** True when somebody else had begun it. */
  readonly begunBefore: boolean;
}

/** What was left of an earlier attempt was taken back, and no more was asked for; or there was nothing. */
export interface NotMoved {
  readonly outcome: 'taken back' | 'nothing to do';
  readonly namespace: string;
  readonly pod: string;
  readonly node: string | undefined;
}

/** How long a target may take to take what was dumped; after somebody was killed it has most likely done so. Milliseconds. */
const UNTAKEN_MS = 60_000;
const UNTAKEN_BEFORE_MS = 3000;

/**
 * Moves a pod to another node, with all that its processes have in memory. What was begun before is finished, or taken back and begun anew.
 * Whatever fails, exactly one of the two pods runs afterwards.
 * @throws ToolkitError when it does not move; it says which of the two runs
 */
export async function migratePod(around: Surroundings, request: MigrationRequest): Promise<Moved | NotMoved> {
  const { ctx, kube } = around;
  const { namespace, pod: name } = request;
  const startedAt = ctx.clock.now();
  const before = await readPodIfThere(kube, namespace, name);
  const settled = await settleEarlier(around, request, before);
  if (settled !== undefined && (settled.result.outcome === 'moved' || request.to === undefined))
    return reported(settled, request, startedAt);
  const pod = settled === undefined ? before : await readPodIfThere(kube, namespace, name);
  if (pod === undefined)
    throw new ToolkitError(`there is no pod ${name} in the namespace ${namespace}`, {
      details: [`context: ${kube.context}`],
      hint: 'Name another namespace: --namespace NS',
    });
  if (request.to === undefined) return { outcome: 'nothing to do', namespace, pod: name, node: pod.spec.nodeName };
  return move(around, request, pod, request.to, startedAt);
}

interface Earlier {
  readonly journal: Journal;
  readonly result: Settled;
}

/** Brings what was begun before to an end. */
async function settleEarlier(around: Surroundings, request: MigrationRequest, pod: MovingPod | undefined): Promise<Earlier | undefined> {
  const { namespace, pod: name, timeoutSeconds } = request;
  const journal = await findJournal(around.kube, namespace, name, pod);
  if (journal === undefined) return undefined;
  refuseBusy(journal, request);
  around.ctx.say(`a migration of pod ${journal.source.pod} to node ${journal.target.node} had been begun: bringing it to an end`);
  return { journal, result: await settle(around, journal, { untakenMs: UNTAKEN_BEFORE_MS, takenMs: timeoutSeconds * 1000 }) };
}

/** @throws ToolkitError when somebody else is at it, as far as can be told */
function refuseBusy({ by, source }: Journal, request: MigrationRequest): void {
  if (by === '' || request.takeOver) return;
  const [host = '', pid] = by.split('/');
  const [ownHost, ownPid] = request.by.split('/');
  if (host === ownHost && (pid === ownPid || !isAlive(Number(pid)))) return;
  throw new ToolkitError(`pod ${source.pod} is being moved already`, {
    details: [host === ownHost ? `by process ${pid} of this machine` : `by process ${pid} of ${host}, which cannot be seen from here`],
    hint: 'Wait for it. Or, if that has ended: the same command with --recover, which finishes what it began, or takes it back.',
  });
}

function reported({ journal, result }: Earlier, { namespace, pod }: MigrationRequest, startedAt: number): Moved | NotMoved {
  if (result.outcome === 'moved') {
    const timeline = timelineOf({ startedAt, removedAt: result.removedAt }, result.view.claims);
    return { outcome: 'moved', journal, timeline, begunBefore: true };
  }
  return { outcome: 'taken back', namespace, pod, node: result.outcome === 'taken back' ? journal.source.node : undefined };
}

async function move(around: Surroundings, request: MigrationRequest, pod: MovingPod, to: string, startedAt: number): Promise<Moved> {
  const { ctx } = around;
  const { name } = pod.metadata;
  const { refusals, notes } = judge(await gatherFacts(around.kube, pod, to, around.route, request.force));
  if (refusals.length > 0)
    throw new ToolkitError(`pod ${name} cannot move to node ${to}`, { details: refusals, hint: 'Nothing was changed.' });
  for (const note of notes) ctx.say(`pod ${name}: ${note}`);
  const journal = await journalOf(around, request, pod, to);
  const patience: Patience = { untakenMs: UNTAKEN_MS, takenMs: request.timeoutSeconds * 1000 };
  let preparedAt: number | undefined;
  let settled: Settled;
  try {
    await prepareTarget(around, pod, journal, request.force);
    preparedAt = ctx.clock.now();
    await freeze(around, journal, pod, request.timeoutSeconds);
    settled = await settle(around, journal, patience);
  } catch (error) {
    settled = await afterFailure(around, journal, patience, error);
  }
  if (settled.outcome !== 'moved') throw notRestored(journal, settled);
  const timeline = timelineOf({ startedAt, preparedAt, removedAt: settled.removedAt }, settled.view.claims);
  return { outcome: 'moved', journal, timeline, begunBefore: false };
}

async function journalOf(around: Surroundings, request: MigrationRequest, pod: MovingPod, to: string): Promise<Journal> {
  const { name, namespace, uid, labels = {} } = pod.metadata;
  const node = pod.spec.nodeName ?? '';
  const target = request.name ?? nextName({ metadata: pod.metadata });
  const folder = (await shareFolder(around, [node, to])) ? 'shared/' : '';
  return {
    namespace,
    source: { node, pod: name, uid },
    target: { node: to, pod: target },
    // As long as a file's name may be, with a container's name behind it, and without another pod's in the same folder.
    name: `${folder}migration-${uid.slice(0, 8)}-${target.slice(-5)}`,
    containers: movingContainers(pod),
    labels,
    by: request.by,
    restored: false,
  };
}

/** Hands all containers over at once, and brings them to the target where that does not see them. */
async function freeze(around: Surroundings, journal: Journal, pod: MovingPod, timeoutSeconds: number): Promise<void> {
  const { ctx, route } = around;
  const statuses = [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])];
  const results = await Promise.allSettled(
    journal.containers.map((container) => {
      const status = statuses.find(({ name }) => name === container);
      const id = (status?.containerID ?? '').replace(/^.*:\/\//, '');
      const running = { ...sourceContainer(journal, container), id, restartCount: status?.restartCount ?? 0, image: status?.image ?? '' };
      return handOver(ctx, running, { archive: archiveOf(journal, container), route, timeoutSeconds });
    }),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  ctx.signal.throwIfAborted();
  if (isShared(journal)) return;
  for (const archive of archivesOf(journal)) await around.carry(archive, journal.source.node, journal.target.node);
}

/**
 * Brings it to an end all the same, also when the run was stopped.
 * @returns what became of it when it has moved
 * @throws what had gone wrong, with what became of it
 */
async function afterFailure(around: Surroundings, journal: Journal, patience: Patience, error: unknown): Promise<Settled> {
  const { ctx } = around;
  const later = { ...around, ctx: forCleanup(ctx) as Context };
  if (ctx.signal.aborted) ctx.say('taking it back');
  let became: string;
  try {
    const settled = await settle(later, journal, { ...patience, untakenMs: 0 });
    became = whatBecame(journal, settled.outcome);
    if (settled.outcome === 'moved' && !ctx.signal.aborted) {
      ctx.say(`${messageOf(error)}; ${became} all the same`);
      return settled;
    }
  } catch (trouble) {
    const reasons = trouble instanceof ToolkitError ? trouble.details : [];
    became = [`It could not be brought to an end: ${messageOf(trouble)}`, ...reasons, 'The same command again does that.'].join('\n');
  }
  if (ctx.signal.aborted) ctx.say(became);
  if (!(error instanceof ToolkitError)) throw error;
  const { message, details, hint, log, exitCode } = error;
  throw new ToolkitError(message, { details: [...details, became], hint, log, exitCode, cause: error });
}

function whatBecame({ source, target }: Journal, outcome: Settled['outcome']): string {
  switch (outcome) {
    case 'moved':
      return `pod ${source.pod} has moved: pod ${target.pod} runs on node ${target.node}`;
    case 'taken back':
      return `pod ${source.pod} runs on, on node ${source.node}`;
    case 'cleared':
      return `pod ${source.pod} is gone; somebody else has removed it`;
  }
}

function notRestored(journal: Journal, { outcome, view }: Settled): ToolkitError {
  const errors = [...(view.claims?.values() ?? [])].flatMap(({ error }) => (error === undefined ? [] : [error]));
  const { status } = view.target ?? {};
  const seen = [status?.reason, status?.message].filter((text) => text !== undefined);
  return new ToolkitError(`pod ${journal.source.pod} could not be restored on node ${journal.target.node}`, {
    details: [
      ...(errors.length > 0 ? errors : seen.length > 0 ? seen : [`node ${journal.target.node} did not do it in time`]),
      whatBecame(journal, outcome),
    ],
  });
}
