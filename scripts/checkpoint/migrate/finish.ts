import { ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { calling, httpStatus } from '../../lib/kube/client.js';
import { type Journal, ordinaryPatch, restoredPatch } from './journal.js';
import { allRun, hasEnded, isReady, type MovingPod } from './moving-pod.js';
import { removeRemains } from './remains.js';
import type { Surroundings } from './surroundings.js';
import { readPodIfThere, type View } from './world.js';

/** Names, among the pods of a ReplicaSet, the one that is to go first (the least value that there is). */
const GOES_FIRST = { 'controller.kubernetes.io/pod-deletion-cost': '-2147483648' };
/** How long the target may take to be ready, and to be adopted, milliseconds. */
const READY_MS = 30_000;
const ADOPTED_MS = 10_000;
/** How long the API may take to learn that the target runs, milliseconds. */
const TOLD_MS = 30_000;

/**
 * Puts the target in the place of the source: it gets its labels, the source goes, and what is left of the migration too. May be done
 * again when it was interrupted.
 * @returns when the source was gone, milliseconds since the epoch
 */
export async function finish(around: Surroundings, journal: Journal, { source }: View): Promise<number> {
  const { ctx, kube } = around;
  const { namespace } = journal;
  const change = (name: string, body: object): Promise<void> =>
    calling(kube, `pod ${namespace}/${name} could not be changed`, () => kube.core.patchNamespacedPod({ namespace, name, body }));

  const adopted = source?.metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
  // A ReplicaSet removes pods that are not ready before it looks at their cost.
  if (adopted && isReady(source)) await untilTarget(around, journal, isReady, READY_MS);
  if (source !== undefined) await change(journal.source.pod, { metadata: { annotations: GOES_FIRST } }).catch(unlessGone);
  await change(journal.target.pod, restoredPatch(journal));
  if (adopted) await untilTarget(around, journal, isOwned, ADOPTED_MS);
  if (source !== undefined) await removeSource(around, journal);
  const removedAt = ctx.clock.now();
  await removeRemains(around, journal);
  await change(journal.target.pod, ordinaryPatch(journal));
  // The API learns a while later from the kubelet what the runtime has told; until then it would not give the pod's log.
  await untilTarget(around, journal, allRun, TOLD_MS);
  return removedAt;
}

/** It is paused: its runtime kills it at once. */
async function removeSource({ kube }: Surroundings, { namespace, source }: Journal): Promise<void> {
  await calling(kube, `pod ${namespace}/${source.pod} could not be deleted`, () =>
    kube.core.deleteNamespacedPod({ namespace, name: source.pod, uid: source.uid, gracePeriodSeconds: 0 }),
  ).catch(unlessGone);
}

const isOwned = ({ metadata }: MovingPod): boolean => (metadata.ownerReferences ?? []).some(({ controller }) => controller === true);

/** Waits a while until the target shows something. Goes on without: it runs, and there is no way back. */
async function untilTarget(
  { ctx, kube }: Surroundings,
  journal: Journal,
  holds: (pod: MovingPod) => boolean,
  patienceMs: number,
): Promise<void> {
  const { namespace, target } = journal;
  const deadline = ctx.clock.now() + patienceMs;
  await until(
    ctx,
    () => new ToolkitError(`pod ${namespace}/${target.pod} is gone`),
    () => readPodIfThere(kube, namespace, target.pod),
    (pod) => pod === undefined || holds(pod) || hasEnded(pod) || ctx.clock.now() > deadline,
    { patienceMs: patienceMs * 2, everyMs: 100 },
  );
}

function unlessGone(error: unknown): void {
  // 409: another pod has its name by now.
  if (httpStatus(error) !== 404 && httpStatus(error) !== 409) throw error;
}
