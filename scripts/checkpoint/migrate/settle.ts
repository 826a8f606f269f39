import { ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { calling, httpStatus } from '../../lib/kube/client.js';
import { takeBack } from '../handover.js';
import { decide } from './decision.js';
import { finish } from './finish.js';
import { archiveOf, isShared, type Journal, sourceContainer, unmarkedPatch } from './journal.js';
import { cancelOnTarget, dismissTarget, removeRemains } from './remains.js';
import type { Surroundings } from './surroundings.js';
import { lookAround, readPodIfThere, readTheClaims, type View } from './world.js';

/** How long claims are waited for in a go, until it is looked at the pods again. */
const ROUND_SECONDS = 2;
/** How long a target may take to go, milliseconds: its kubelet has to end its processes, after what it is just at. */
const GONE_MS = 180_000;

/** What became of a migration. */
export type Settled =
  /** The target runs, the source is gone. */
  | { readonly outcome: 'moved'; readonly view: View; readonly removedAt: number }
  /** The source runs, the target is gone. @param view what was seen when that was decided */
  | { readonly outcome: 'taken back'; readonly view: View }
  /** The source was gone, and there was nothing to restore. */
  | { readonly outcome: 'cleared'; readonly view: View };

/** How long it is worth waiting, milliseconds. */
export interface Patience {
  /** For the target to take what was dumped. */
  readonly untakenMs: number;
  /** For it to run what it has taken. */
  readonly takenMs: number;
}

/**
 * Brings a migration to an end, wherever it was left: exactly one of the two pods runs afterwards.
 * @throws ToolkitError when nobody can say which of them runs: nothing is changed then
 */
export async function settle(around: Surroundings, journal: Journal, { untakenMs, takenMs }: Patience): Promise<Settled> {
  const { clock } = around.ctx;
  const start = clock.now();
  for (;;) {
    around.ctx.signal.throwIfAborted();
    const view = await lookAround(around, journal, (taken) => clock.now() - start < (taken ? takenMs : untakenMs));
    const next = decide(view.world);
    switch (next.do) {
      case 'finish':
        return { outcome: 'moved', view, removedAt: await finish(around, journal, view) };
      case 'wait':
        if ((await readTheClaims(around, journal, ROUND_SECONDS)) === undefined) await clock.sleep(ROUND_SECONDS * 1000, around.ctx.signal);
        break;
      case 'take-back':
        if (await reclaim(around, journal, view, next.proof)) return { outcome: 'taken back', view };
        break;
      case 'clear':
        await removeTarget(around, journal, view);
        await removeRemains(around, journal);
        return { outcome: 'cleared', view };
      case 'refuse':
        throw next.reason;
    }
  }
}

/** Takes the source back. @returns false when the target has taken it meanwhile: nothing is changed then */
async function reclaim(around: Surroundings, journal: Journal, view: View, proof: boolean): Promise<boolean> {
  let certain = proof;
  if (!certain) {
    const mine = isShared(journal) || (await cancelOnTarget(around, journal, view.world.node));
    const results = mine ? await resumeAll(around, journal, journal.containers, false) : [];
    const taken = results.filter(({ result }) => result === 'taken');
    if (!mine || (taken.length > 0 && taken.length === results.length)) return false;
    // Some of its containers run here again, so the others have to as well.
    certain = taken.length > 0;
  }
  if (certain) {
    await endTarget(around, journal, view);
    await resumeAll(around, journal, journal.containers, true);
  } else {
    // It cannot take anything any more.
    await removeTarget(around, journal, view);
  }
  await removeRemains(around, journal);
  await unmark(around, journal);
  return true;
}

async function resumeAll(
  { ctx, route }: Surroundings,
  journal: Journal,
  containers: readonly string[],
  force: boolean,
): Promise<Array<{ container: string; result: Awaited<ReturnType<typeof takeBack>> }>> {
  return Promise.all(
    containers.map(async (container) => ({
      container,
      result: await takeBack(ctx, sourceContainer(journal, container), { archive: archiveOf(journal, container), route, force }),
    })),
  );
}

/** Takes the marks of a migration from the source. */
async function unmark({ kube }: Surroundings, journal: Journal): Promise<void> {
  const { namespace, source } = journal;
  await calling(kube, `pod ${namespace}/${source.pod} could not be changed`, () =>
    kube.core.patchNamespacedPod({ namespace, name: source.pod, body: unmarkedPatch(journal) }),
  ).catch(unlessGone);
}

/** Removes the target at once: it runs nothing, and never will. */
async function removeTarget(around: Surroundings, journal: Journal, { target, world: { node } }: View): Promise<void> {
  if (target === undefined) return;
  const { kube } = around;
  const { namespace } = journal;
  const { name, uid } = target.metadata;
  await calling(kube, `pod ${namespace}/${name} could not be deleted`, () =>
    kube.core.deleteNamespacedPod({ namespace, name, uid, gracePeriodSeconds: 0 }),
  ).catch(unlessGone);
  if (node === 'up') await dismissTarget(around, journal);
}

/**
 * Ends the target, and returns once it is certain that no process of it runs: its kubelet lets the object go only then.
 * @throws ToolkitError when that does not come about
 */
async function endTarget(around: Surroundings, journal: Journal, view: View): Promise<void> {
  const { ctx, kube } = around;
  const { namespace, target } = journal;
  const uid = view.target?.metadata.uid;
  if (view.target !== undefined && uid !== undefined)
    await calling(kube, `pod ${namespace}/${target.pod} could not be deleted`, () =>
      kube.core.deleteNamespacedPod({ namespace, name: target.pod, uid, gracePeriodSeconds: 1 }),
    ).catch(unlessGone);
  if (view.world.node === 'up') await dismissTarget(around, journal);
  const certain = await until(
    ctx,
    () => notCertain(journal),
    async () => {
      if (view.world.node === 'stopped' || (await around.isStopped(target.node))) return 'node stopped';
      const now = await readPodIfThere(kube, namespace, target.pod);
      if (now !== undefined && now.metadata.uid === uid) return 'there';
      return (await mayRun(around, journal, uid ?? claimant(view))) ? 'there' : 'gone';
    },
    (state) => state !== 'there',
    { patienceMs: GONE_MS },
  );
  // Nobody there would let the object go.
  if (certain === 'node stopped') await removeTarget(around, journal, view);
}

/** UID of the pod that has taken it, by the claims: of a target that is not in the API any more. */
function claimant({ claims }: View): string | undefined {
  return [...(claims?.values() ?? [])].find(({ podUID }) => podUID !== undefined)?.podUID;
}

/** Whether processes of a pod whose object is gone are still on its node; where nobody can look, the API's word holds. */
async function mayRun({ processesOf }: Surroundings, { target }: Journal, uid: string | undefined): Promise<boolean> {
  if (uid === undefined) return false;
  return ((await processesOf(target.node, uid)) ?? []).length > 0;
}

function notCertain({ namespace, source, target }: Journal): ToolkitError {
  return new ToolkitError(`pod ${namespace}/${target.pod} does not end: it may still run on node ${target.node}`, {
    details: [`Pod ${source.pod} stays frozen on node ${source.node}: to let it run as well could make two of it.`],
    hint: `Look at node ${target.node}. Once that is certain to run nothing (stopped, or deleted: kubectl delete node ${target.node}), run the same command again.`,
  });
}

function unlessGone(error: unknown): void {
  // 409: another pod has its name by now.
  if (httpStatus(error) !== 404 && httpStatus(error) !== 409) throw error;
}
