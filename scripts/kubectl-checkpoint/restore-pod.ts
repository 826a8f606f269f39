import { isDeepStrictEqual } from 'node:util';
import { type NewPodManifest, nextName, type Reshaped, reshapePod } from '../checkpoint/pod-manifest.js';
import { plannedPod } from '../checkpoint/restore-plan.js';
import { proveRestored, type RestoreProof } from '../checkpoint/restore-proof.js';
import { type ArchivePlace, placeText } from '../checkpoint/restore-source.js';
import { readStarting, untilStarted } from '../checkpoint/restored-pod.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { messageOf, ToolkitError } from '../lib/core/errors.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import type { Named } from '../lib/kube/core.js';
import { type NodeReach, reachNode } from '../lib/kube/reach.js';
import { type ReadyArchive, readArchives, withArchivesOn } from './bring-archives.js';
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
  /** How nodes' files are got at; its namespace is that of helper pods. */
  readonly access: Access;
}

/** A container that was restored. */
export interface RestoredContainer extends ReadyArchive {
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
  const [node] = await Promise.all([targetOf(kube, asked.node, archives, old), checkRights(kube, namespace), checkNameIsFree(kube, where)]);
  const suffix = nextName({ metadata: { name: 'x' } }).slice(-5);
  return withArchivesOn(ctx, kube, asked.access, { node, archives, suffix }, async (ready) => {
    const names = Object.fromEntries(ready.map(({ container, name }) => [container, name]));
    const shape = reshapePod(old, { name: where.name, node, nodeChosen: asked.node !== undefined, archives: names });
    const begun = ctx.clock.now();
    const { labelsLeftOut, initContainersLeftOut, fromImage } = shape;
    const { startSeconds, proofs } = await withPod(ctx, kube, where, shape.manifest, async () => {
      await untilStarted(ctx, kube, where, { containers: [...Object.keys(names), ...fromImage], patienceMs: asked.timeoutMs });
      const seconds = secondsSince(ctx.clock, begun);
      return { startSeconds: seconds, proofs: await prove(ctx, kube, where, node, Object.keys(names)) };
    });
    const containers = archives.map(({ container, place }) => ({
      ...(ready.find((one) => one.container === container) as ReadyArchive),
      from: placeText(place),
      proof: proofs.find((one) => one.container === container) as RestoreProof,
    }));
    const seconds = secondsSince(ctx.clock, start);
    return { namespace, pod: where.name, node, containers, labelsLeftOut, initContainersLeftOut, fromImage, startSeconds, seconds };
  });
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
