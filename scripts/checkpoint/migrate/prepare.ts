import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { shell } from '../../lib/cluster/node.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { calling } from '../../lib/kube/client.js';
import { readOldPod, reshapePod } from '../pod-manifest.js';
import { archiveOf, archivesOf, type Journal, sourceAnnotations, targetAnnotations, waitingLabels } from './journal.js';
import { hasEnded, type MovingPod } from './moving-pod.js';
import type { Surroundings } from './surroundings.js';
import { readPodIfThere } from './world.js';

/** How long the target may take until it waits, an image that is pulled included, milliseconds. */
const PREPARED_MS = 180_000;
/** How long its node waits for that in a go, in rounds of 50 ms, until it is looked at the pod again. */
const ROUNDS = 20;
/** What a container waits with that will not come by itself. */
const HOPELESS =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError|CrashLoopBackOff)$/;

/** Whether two nodes see the same folder `shared` in their checkpoint folders, by the random number in it. */
export async function shareFolder(around: Surroundings, nodes: readonly string[]): Promise<boolean> {
  const script = shell({ text: 'cat "$1/shared/id" 2>/dev/null || true', args: [archiveFolder] });
  const ids = await Promise.all(nodes.map(async (node) => (await (await around.folder(node)).run(script)).trim()));
  return ids.every((id) => id !== '' && id === ids[0]);
}

/** The pod that takes over: the same, bound to the other node, whose containers wait for what they start from. */
export function targetPod(pod: MovingPod, journal: Journal, force: boolean): { metadata: object; spec: object } {
  const archives = Object.fromEntries(journal.containers.map((container) => [container, archiveOf(journal, container)]));
  const { manifest } = reshapePod(readOldPod(pod, `pod ${pod.metadata.name}`), {
    name: journal.target.pod,
    node: journal.target.node,
    nodeChosen: force,
    archives,
    annotations: targetAnnotations(journal),
  });
  return { ...manifest, metadata: { ...manifest.metadata, labels: waitingLabels } };
}

/**
 * Makes the target pod, marks the source, and returns when everything of the target is ready and it waits: its image, volumes and network
 * are there. Nothing of the source is touched.
 * @throws ToolkitError with the reason when it does not get there
 */
export async function prepareTarget(around: Surroundings, pod: MovingPod, journal: Journal, force: boolean): Promise<void> {
  const { kube, ctx } = around;
  const { namespace, source, target } = journal;
  await calling(kube, `the new pod ${namespace}/${target.pod} could not be created`, () =>
    kube.core.createNamespacedPod({ namespace, body: targetPod(pod, journal, force) }),
  );
  await calling(kube, `pod ${namespace}/${source.pod} could not be changed`, () =>
    kube.core.patchNamespacedPod({ namespace, name: source.pod, body: { metadata: { annotations: sourceAnnotations(journal) } } }),
  );
  const folder = await around.folder(target.node);
  const [first = ''] = archivesOf(journal);
  // The other containers of a pod are made when the first one runs.
  const text = 'n=$2; until [ -e "$1" ] || [ "$n" -le 0 ]; do n=$((n - 1)); sleep 0.05; done; [ ! -e "$1" ] || echo waiting';
  const look = shell({ text, args: [`${archiveFolder}/${first}.awaited`, String(ROUNDS)] });
  const deadline = ctx.clock.now() + PREPARED_MS;
  for (;;) {
    const [printed, now] = await Promise.all([folder.run(look), readPodIfThere(kube, namespace, target.pod)]);
    if (printed.includes('waiting')) return;
    const trouble = now === undefined ? ['it is gone'] : troubleOf(now);
    if (trouble.length > 0 || ctx.clock.now() > deadline)
      throw new ToolkitError(`the new pod does not get ready on node ${target.node}`, {
        details: [...(trouble.length > 0 ? trouble : [`not within ${PREPARED_MS / 1000} s`]), ...(await warnings(around, journal))],
        hint: 'Nothing was frozen.',
      });
    ctx.signal.throwIfAborted();
  }
}

/** Why a pod will never wait for its containers; empty: it may. */
function troubleOf(pod: MovingPod): string[] {
  const { status } = pod;
  if (hasEnded(pod)) return [[status.reason, status.message].filter(Boolean).join(': ') || `it is ${status.phase}`];
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  if (all.some(({ state }) => state?.running !== undefined) && status.phase === 'Running')
    return ['its runtime has started it from its image, and did not wait'];
  return all
    .map(({ name, state }) => ({ name, ...state?.waiting }))
    .filter(({ reason = '' }) => HOPELESS.test(reason))
    .map(({ name, reason, message }) => `container ${name}: ${[reason, message].filter(Boolean).join(': ')}`);
}

/** What the kubelet complained of, where one may read it. */
async function warnings({ kube }: Surroundings, { namespace, target }: Journal): Promise<string[]> {
  const events = await kube.core
    .listNamespacedEvent({ namespace, fieldSelector: `involvedObject.name=${target.pod},type=Warning` })
    .catch(() => undefined);
  return [...new Set((events?.items ?? []).map(({ message }) => message ?? ''))].filter((text) => text !== '').slice(-3);
}
