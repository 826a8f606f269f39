import type { ClaimObject, NodeObject, VolumeObject } from '../../lib/kube/core.js';
import { isSidecar } from '../pod-manifest.js';
import type { MovingPod } from './moving-pod.js';

/** All that is looked at before a migration begins. */
export interface CheckedFacts {
  readonly pod: MovingPod;
  readonly to: string;
  /** The node that the pod is to go to; undefined: there is none of that name. */
  readonly target: NodeObject | undefined;
  readonly source: NodeObject | undefined;
  /** Claims of volumes that the pod uses, by name, each with its volume where it is bound. */
  readonly claims: ReadonlyMap<string, { readonly claim: ClaimObject; readonly volume: VolumeObject | undefined }>;
  /** Ports of the target node that pods there have taken, `PORT/PROTOCOL`, by the pod. */
  readonly portsTaken: ReadonlyMap<string, string>;
  /** What this user may not do, as `kubectl auth can-i` takes it. */
  readonly missingRights: readonly string[];
  /** Go to a node that turns away other pods, and pass over what binds the pod to nodes. */
  readonly force: boolean;
}

/** What the checks came to. */
export interface Verdict {
  /** Why it cannot be: each a sentence. Empty: nothing is in the way. */
  readonly refusals: readonly string[];
  /** What people should know. */
  readonly notes: readonly string[];
}

/** Judges whether a pod can move to a node, before anything is done. What the kubelet checks by itself is left to it: it does so before the freeze. */
export function judge(facts: CheckedFacts): Verdict {
  const volumes = judgeVolumes(facts);
  return {
    refusals: [
      ...judgeState(facts),
      ...judgeOwner(facts.pod),
      ...judgeNode(facts),
      ...judgeRuntimes(facts),
      ...judgeNamespaces(facts.pod),
      ...judgePorts(facts),
      ...volumes.refusals,
      ...facts.missingRights.map((right) => `you may not ${right}`),
    ],
    notes: volumes.notes,
  };
}

function judgeState({ pod }: CheckedFacts): string[] {
  const { metadata, spec, status } = pod;
  if (metadata.deletionTimestamp !== undefined) return ['it is being deleted'];
  if (status.phase !== 'Running') return [`it is ${status.phase}${status.reason === undefined ? '' : ` (${status.reason})`}, not Running`];
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  const names = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)].map(({ name }) => name);
  const refusals = names
    .filter((name) => statuses.find((one) => one.name === name)?.state?.running === undefined)
    .map((name) => `its container ${name} does not run`);
  const debug = (spec.ephemeralContainers ?? []).map(({ name }) => name);
  if (debug.length > 0) refusals.push(`it has ephemeral containers, which no new pod can have: ${debug.join(', ')}`);
  return refusals;
}

/** Controllers whose pods cannot move, and why. A ReplicaSet adopts the new pod. */
const OWNERS: Readonly<Record<string, string>> = {
  StatefulSet: 'which knows it by its name: another pod can have that only when this one is gone, and until then there would be none',
  DaemonSet: 'which has one on each node: it would remove the new one and make this one again',
  Job: 'which counts the pods that succeed and fail: it would take the removal of this one for a failure and start another',
  Node: 'so a file on its node made it, which would make it again: it is a static pod',
};
const ADOPTS = new Set(['ReplicaSet', 'ReplicationController']);

function judgeOwner({ metadata }: MovingPod): string[] {
  if (metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) return [`it belongs to its node, ${OWNERS['Node']}`];
  return (metadata.ownerReferences ?? [])
    .filter(({ controller }) => controller === true)
    .filter(({ kind }) => !ADOPTS.has(kind))
    .map(
      ({ kind, name }) =>
        `it belongs to ${kind} ${name}, ${OWNERS[kind] ?? 'and nobody knows what that does about a pod that it has not made'}`,
    );
}

function judgeNode({ pod, to, target, source, force }: CheckedFacts): string[] {
  if (target === undefined) return [`there is no node ${to}`];
  if (pod.spec.nodeName === to) return [`it is on node ${to} already`];
  const refusals: string[] = [];
  const ready = target.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') refusals.push(`node ${to} is not Ready (${ready?.reason ?? 'its kubelet has said nothing'})`);
  for (const what of ['architecture', 'operatingSystem'] as const) {
    const [here, there] = [source?.status?.nodeInfo?.[what], target.status?.nodeInfo?.[what]];
    if (here !== undefined && there !== undefined && here !== there) refusals.push(`node ${to} is ${there}, and its own node is ${here}`);
  }
  if (force) return refusals;
  if (target.spec?.unschedulable === true) refusals.push(`node ${to} is cordoned (--force: go there all the same)`);
  for (const { key, value = '', effect } of target.spec?.taints ?? []) {
    // Said as cordoned already.
    if (key === 'node.kubernetes.io/unschedulable' || effect === 'PreferNoSchedule') continue;
    if (tolerates(pod, { key, value, effect })) continue;
    refusals.push(
      `node ${to} has the taint ${key}${value === '' ? '' : `=${value}`}:${effect}, which it does not tolerate (--force: go there all the same)`,
    );
  }
  return refusals;
}

/** How our containerd calls itself. Any other would pass over the annotations, and start the new pod from its image. */
const HANDS_OVER = /^containerd:\/\/.*\+checkpoint/;

function judgeRuntimes({ pod, to, target, source }: CheckedFacts): string[] {
  return [
    { node: pod.spec.nodeName ?? '', object: source },
    { node: to, object: target },
  ].flatMap(({ node, object }) => {
    const version = object?.status?.nodeInfo?.containerRuntimeVersion;
    if (version === undefined || HANDS_OVER.test(version)) return [];
    return [`the runtime of node ${node} cannot hand containers over (${version}; that of the toolkit’s nodes can)`];
  });
}

/** As the scheduler sees it: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function tolerates({ spec }: MovingPod, taint: { readonly key: string; readonly value: string; readonly effect: string }): boolean {
  return (spec.tolerations ?? []).some(
    ({ key, operator = 'Equal', value = '', effect }) =>
      (effect === undefined || effect === '' || effect === taint.effect) &&
      (key === undefined || key === '' ? operator === 'Exists' : key === taint.key && (operator === 'Exists' || value === taint.value)),
  );
}

function judgeNamespaces({ spec }: MovingPod): string[] {
  // CRIU gives processes the numbers that they had.
  if (spec.hostPID === true) return ['it sees the processes of its node (hostPID): on another one their numbers are taken'];
  return [];
}

function judgePorts({ pod, to, portsTaken }: CheckedFacts): string[] {
  return pod.spec.containers
    .flatMap(({ ports }) => ports ?? [])
    .flatMap(({ hostPort, protocol = 'TCP' }) => {
      const key = `${hostPort}/${protocol}`;
      const holder = hostPort === undefined ? undefined : portsTaken.get(key);
      return holder === undefined ? [] : [`port ${key} of node ${to} is taken by pod ${holder}`];
    });
}

/** Volumes that are made anew on each node, come along in the archive, or are somewhere on the network for all. */
const ANYWHERE = new Set([
  'emptyDir',
  'configMap',
  'secret',
  'projected',
  'downwardAPI',
  'image',
  'nfs',
  'cephfs',
  'glusterfs',
  'azureFile',
]);

function judgeVolumes({ pod, to, claims }: CheckedFacts): { refusals: string[]; notes: string[] } {
  const refusals: string[] = [];
  const notes: string[] = [];
  for (const { name, ...source } of pod.spec.volumes ?? []) {
    const kind = Object.keys(source).find((key) => source[key] != null) ?? 'emptyDir';
    if (ANYWHERE.has(kind)) continue;
    if (kind === 'hostPath') notes.push(`its volume ${name} is a path of its node: on ${to} it finds what lies there`);
    else if (kind === 'persistentVolumeClaim') refusals.push(...judgeClaim(name, source.persistentVolumeClaim?.claimName ?? '', claims));
    else if (kind === 'ephemeral') refusals.push(`its volume ${name} is made for this pod alone, and goes with it (ephemeral)`);
    else refusals.push(`its volume ${name} cannot be on two nodes at once (${kind})`);
  }
  return { refusals, notes };
}

function judgeClaim(volume: string, name: string, claims: CheckedFacts['claims']): string[] {
  const found = claims.get(name);
  if (found === undefined) return [`the claim ${name} of its volume ${volume} cannot be read`];
  const modes = found.claim.spec.accessModes ?? [];
  if (!modes.includes('ReadWriteMany') && !modes.includes('ReadOnlyMany'))
    return [`its volume ${volume} can be mounted on one node at a time (claim ${name}, ${modes.join(', ')})`];
  if (found.volume?.spec.nodeAffinity != null) return [`its volume ${volume} is bound to certain nodes (claim ${name})`];
  return [];
}
