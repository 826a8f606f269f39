import { isDeepStrictEqual } from 'node:util';
import { reshapeWithImages } from '../checkpoint/image/pod.js';
import { type NewPodManifest, nextName, type Reshaped, reshapePod } from '../checkpoint/pod-manifest.js';
import { type PlannedPod, plannedPod } from '../checkpoint/restore-plan.js';
import { proveRestored, type RestoreProof } from '../checkpoint/restore-proof.js';
import { type ArchivePlace, placeText, type RestoreArchive } from '../checkpoint/restore-source.js';
import { askRestoreWay } from '../checkpoint/restore-way.js';
import { readStarting, untilStarted } from '../checkpoint/restored-pod.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { messageOf, ToolkitError } from '../lib/core/errors.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import type { Named } from '../lib/kube/core.js';
import { type NodeReach, reachNode } from '../lib/kube/reach.js';
import { type ReadyArchive, readArchives, withArchivesOn } from './bring-archives.js';
import { bringImages, checkImagesArrive } from './bring-images.js';
import type { Access } from './list.js';
import { checkNameIsFree, checkRights, nameTaken, readManifest, readNode, targetOf } from './restore-checks.js';

/** A restore as the user asked for it. */
export interface RestoreRequest {
  readonly places: readonly ArchivePlace[];
  /** Given by the user, not by the context. */
  readonly namespace: string | undefined;
  /** Of the new pod; undefined: that of the old one with something behind it. */
  readonly name: string | undefined;
  readonly node: string | undefined;
  /** A manifest to take instead of what the archives hold. */
  readonly podFile: string | undefined;
  /** How long the pod may take to start, milliseconds. */
  readonly timeoutMs: number;
  /** Where images are pushed to, for nodes that restore from images and are not containers here. */
  readonly repository: string | undefined;
  /** How nodes' files are got at; its namespace is that of helper pods. */
  readonly access: Access;
}

/** A container that was restored. */
export interface RestoredContainer extends ReadyArchive {
  /** The image that was made of its archive, where its node restores from images. */
  readonly image?: string;
  /** Where its archive was: a file here, or NODE:NAME. */
  readonly from: string;
  readonly proof: RestoreProof;
}

/** A pod that was restored. */
export interface Restored extends Pick<Reshaped, 'labelsLeftOut' | 'initContainersLeftOut' | 'fromImage'> {
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
  readonly containers: readonly RestoredContainer[];
  /** How the node's runtime restores. */
  readonly by: 'annotation' | 'image';
  /** What should be known of it. */
  readonly notes: readonly string[];
  /** From its creation until all its containers ran. */
  readonly startSeconds: number;
  readonly seconds: number;
}

/**
 * Makes a pod out of checkpoint archives, brings them to its node, waits until its containers run, and proves that they were restored.
 * When anything fails, or the run is stopped, the pod is removed; what was brought is removed in any case.
 * @throws UsageError, ToolkitError with what is in the way; what can be known beforehand is told before anything is made
 */
export async function restorePod(ctx: Context, kube: Kube, asked: RestoreRequest): Promise<Restored> {
  const start = ctx.clock.now();
  const manifest = asked.podFile === undefined ? undefined : { pod: await readManifest(asked.podFile), file: asked.podFile };
  for (const place of asked.places) if ('node' in place) await readNode(kube, place.node);
  const archives = await readArchives(ctx, kube, asked.access, asked.places);
  const old = plannedPod({ archives, manifest, namespace: asked.namespace });
  const { namespace } = old.metadata;
  const where = { namespace, name: asked.name ?? nextName(old) };
  const [{ name: node, object }] = await Promise.all([targetOf(kube, asked.node, archives, old), checkNameIsFree(kube, where)]);
  const way = await askRestoreWay(ctx, kube, object);
  if (way.kind === 'none')
    throw new ToolkitError(`node ${node} cannot restore`, { details: [way.why], hint: way.hint ?? 'Name another node: --node NODE' });
  await checkRights(kube, namespace, way.kind);
  const job: Job = { ctx, kube, asked, archives, old, where, node };
  const done = await (way.kind === 'annotation' ? byAnnotation(job) : byImages(job, way.doubt));
  return { namespace, pod: where.name, node, by: way.kind, ...done, seconds: secondsSince(ctx.clock, start) };
}

/** What is restored, and where. */
interface Job {
  readonly ctx: Context;
  readonly kube: Kube;
  readonly asked: RestoreRequest;
  readonly archives: readonly RestoreArchive[];
  readonly old: PlannedPod;
  readonly where: Named;
  readonly node: string;
}

type Done = Omit<Restored, 'namespace' | 'pod' | 'node' | 'by' | 'seconds'>;

/** Archives are brought to the node, and the pod names them. */
function byAnnotation(job: Job): Promise<Done> {
  const { ctx, kube, asked, archives, old, where, node } = job;
  const suffix = nextName({ metadata: { name: 'x' } }).slice(-5);
  return withArchivesOn(ctx, kube, asked.access, { node, archives, suffix }, async (ready) => {
    const names = Object.fromEntries(ready.map(({ container, name }) => [container, name]));
    const shape = reshapePod(old, { name: where.name, node, nodeChosen: asked.node !== undefined, archives: names });
    return run(job, shape, (container) => ready.find((one) => one.container === container) as ReadyArchive, []);
  });
}

/** What a runtime that restores from images does otherwise. */
const OF_IMAGES = [
  'What was in its emptyDirs and in /dev/shm did not come along: its runtime restores from images.',
  'When its process ends, it starts from the checkpoint again.',
];

/** Archives become images, and the pod has those. */
async function byImages(job: Job, doubt: string | undefined): Promise<Done> {
  const { ctx, kube, asked, archives, old, where, node } = job;
  const wanted = { node, archives, repository: asked.repository };
  await checkImagesArrive(ctx, kube, asked.access, wanted);
  if (doubt !== undefined) ctx.say(doubt);
  const images = await bringImages(ctx, kube, asked.access, wanted);
  const shape = reshapeWithImages(old, { name: where.name, node, nodeChosen: asked.node !== undefined }, images);
  const place = (container: string): ReadyArchive & { image: string } => {
    const image = images[container]?.image ?? '';
    return { container, name: image, image, brought: undefined };
  };
  return run(job, shape, place, OF_IMAGES);
}

/** Creates the pod, waits until it runs, and proves that its containers were restored. @param ready what a container was restored from */
async function run(
  { ctx, kube, asked, archives, where, node }: Job,
  { manifest, labelsLeftOut, initContainersLeftOut, fromImage }: Reshaped,
  ready: (container: string) => ReadyArchive & { readonly image?: string },
  notes: readonly string[],
): Promise<Done> {
  const names = archives.map(({ container }) => container);
  const begun = ctx.clock.now();
  const { startSeconds, proofs } = await withPod(ctx, kube, where, manifest, async () => {
    await untilStarted(ctx, kube, where, { containers: [...names, ...fromImage], patienceMs: asked.timeoutMs });
    const seconds = secondsSince(ctx.clock, begun);
    return { startSeconds: seconds, proofs: await prove(ctx, kube, where, node, names) };
  });
  const containers = archives.map(({ container, place }) => ({
    ...ready(container),
    from: placeText(place),
    proof: proofs.find((one) => one.container === container) as RestoreProof,
  }));
  return { containers, labelsLeftOut, initContainersLeftOut, fromImage, startSeconds, notes };
}

/** Creates a pod and does something with it. Should that fail, or the run be stopped, the pod is removed. */
async function withPod<T>(ctx: Context, kube: Kube, where: Named, manifest: NewPodManifest, act: () => Promise<T>): Promise<T> {
  ctx.signal.throwIfAborted();
  let mayBeThere = true;
  try {
    await calling(kube, `pod ${where.name} could not be created`, () =>
      kube.core.createNamespacedPod({ namespace: where.namespace, body: manifest }),
    ).catch((error: unknown) => {
      // Refused. Without an answer it may have been created all the same.
      mayBeThere = httpStatus(error) === undefined;
      throw httpStatus(error) === 409 ? nameTaken(where) : error;
    });
    return await act();
  } catch (error) {
    if (mayBeThere) await remove(ctx, kube, where, manifest);
    throw error;
  }
}

/** Never fails: the error that led here matters more. A pod that is not the one that was made stays. */
async function remove({ say }: Context, kube: Kube, where: Named, { metadata }: NewPodManifest): Promise<void> {
  try {
    const pod = (await kube.core.readNamespacedPod(where)) as { metadata?: { uid?: string; annotations?: Record<string, string> } };
    const { uid, annotations = {} } = pod.metadata ?? {};
    const made = Object.entries(metadata.annotations).every(([name, value]) => isDeepStrictEqual(annotations[name], value));
    if (made) await kube.core.deleteNamespacedPod({ ...where, gracePeriodSeconds: 0, ...(uid === undefined ? {} : { uid }) });
  } catch (error) {
    if (httpStatus(error) === 404) return;
    say(`pod ${where.name} could not be removed (${messageOf(error)}): kubectl --namespace ${where.namespace} delete pod ${where.name}`);
  }
}

/** The proof for each container. @throws ToolkitError when one was started from its image, which only happens where the annotation means nothing */
async function prove(
  ctx: Context,
  kube: Kube,
  where: Named,
  node: string,
  containers: readonly string[],
): Promise<readonly RestoreProof[]> {
  const reach: NodeReach = await reachNode(ctx, kube, node);
  const created = (await readStarting(kube, where)).metadata.creationTimestamp ?? '';
  const ref = { namespace: where.namespace, pod: where.name, created };
  const proofs = await Promise.all(containers.map((container) => proveRestored(ctx, kube, reach, ref, container)));
  const fresh = proofs.find(({ by }) => by === undefined);
  if (fresh !== undefined && reach.kind !== undefined)
    throw new ToolkitError(`container ${fresh.container} of pod ${where.name} was not restored: it was started from its image`, {
      details: [fresh.seen],
      hint: 'Is the containerd of this node the one of this toolkit? npm run cluster:status',
    });
  return proofs;
}
