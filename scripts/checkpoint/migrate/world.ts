import { shell } from '../../lib/cluster/node.js';
import { calling, httpStatus, type Kube } from '../../lib/kube/client.js';
import { type Claims, claimStates, claimsScript, readClaims } from './claim.js';
import type { World } from './decision.js';
import { archivesOf, isShared, type Journal, readSource, readTarget, UNDER_WAY } from './journal.js';
import { hasEnded, type MovingPod, readMovingPod } from './moving-pod.js';
import type { NodeFolder, Surroundings } from './surroundings.js';

/** Reads a pod; undefined where there is none of that name. */
export async function readPodIfThere(kube: Kube, namespace: string, name: string): Promise<MovingPod | undefined> {
  try {
    return readMovingPod(
      await calling(kube, `pod ${namespace}/${name} could not be read`, () => kube.core.readNamespacedPod({ namespace, name })),
    );
  } catch (error) {
    if (httpStatus(error) === 404) return undefined;
    throw error;
  }
}

/**
 * The migration that a pod is in, as source or as target.
 * @param pod what is known of the pod itself; undefined: it is not there
 */
export async function findJournal(kube: Kube, namespace: string, name: string, pod: MovingPod | undefined): Promise<Journal | undefined> {
  const { items } = await calling(kube, `the pods of namespace ${namespace} could not be listed`, () =>
    kube.core.listNamespacedPod({ namespace, labelSelector: UNDER_WAY }),
  );
  const journals = items.map((item) => readTarget(readMovingPod(item))).filter((journal) => journal !== undefined);
  const own = journals.find(({ source, target }) => source.pod === name || target.pod === name);
  return own ?? (pod === undefined ? undefined : readSource(pod));
}

/** What is seen of a migration: what is decided about, and what is acted on. */
export interface View {
  readonly world: World;
  /** The source pod, under the UID of the journal. */
  readonly source: MovingPod | undefined;
  readonly target: MovingPod | undefined;
  readonly claims: Claims | undefined;
}

/** Looks at both pods, the target's node, and the claims. @param patient whether it is worth waiting, by whether anything has been taken */
export async function lookAround(around: Surroundings, journal: Journal, patient: (taken: boolean) => boolean): Promise<View> {
  const { kube } = around;
  const { namespace } = journal;
  const [foundSource, foundTarget, node, claims] = await Promise.all([
    readPodIfThere(kube, namespace, journal.source.pod),
    readPodIfThere(kube, namespace, journal.target.pod),
    nodeState(around, journal.target.node),
    readTheClaims(around, journal, 0),
  ]);
  // Not pods that have only got the names.
  const source = foundSource?.metadata.uid === journal.source.uid ? foundSource : undefined;
  const its = foundTarget && readTarget(foundTarget);
  const target = its?.name === journal.name ? foundTarget : undefined;
  const states = its?.restored ? journal.containers.map(() => 'restored' as const) : claims && claimStates(claims, archivesOf(journal));
  const taken = states?.some((state) => state === 'taken' || state === 'restored') ?? true;
  return {
    source,
    target,
    claims,
    world: {
      pod: `${namespace}/${journal.source.pod}`,
      targetNode: journal.target.node,
      source: source === undefined || hasEnded(source) ? 'gone' : 'there',
      target: target === undefined ? 'gone' : targetState(target),
      node,
      claims: states,
      patient: patient(taken),
    },
  };
}

function targetState(target: MovingPod): World['target'] {
  if (hasEnded(target)) return 'ended';
  return target.status.phase === 'Running' ? 'running' : 'starting';
}

async function nodeState({ kube, isStopped }: Surroundings, name: string): Promise<World['node']> {
  const node = await calling(kube, `node ${name} could not be read`, () => kube.core.readNode({ name })).catch((error: unknown) => {
    if (httpStatus(error) === 404) return undefined;
    throw error;
  });
  // Whoever deletes a node object says that the node is off for good; its pods go with it.
  if (node === undefined) return 'stopped';
  if (await isStopped(name)) return 'stopped';
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? 'up' : 'silent';
}

/**
 * Reads the claims, where they can be seen: in the folder of both nodes, or on the target's.
 * @param seconds how long to wait for them to be settled
 * @returns undefined when no node that has them can be reached
 */
export async function readTheClaims(around: Surroundings, journal: Journal, seconds: number): Promise<Claims | undefined> {
  const nodes = isShared(journal) ? [journal.target.node, journal.source.node] : [journal.target.node];
  for (const node of nodes) {
    const printed = await inFolder(around, node, (folder) => folder.run(shell(claimsScript(archivesOf(journal), seconds))));
    if (printed !== undefined) return readClaims(printed);
  }
  return undefined;
}

/** Does something in the folder of a node; undefined where it cannot be reached, or that fails. */
export async function inFolder<T>(
  { ctx, folder }: Surroundings,
  node: string,
  act: (folder: NodeFolder) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await act(await folder(node));
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}
