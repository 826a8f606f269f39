import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { ToolkitError } from '../lib/core/errors.js';
import { baseNameAnnotation, isOfRestore, restoreAnnotation } from './annotations.js';

const mounts = z.array(z.looseObject({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() }));
const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string().optional(),
  imagePullPolicy: z.string().optional(),
  /** Of an init container: "Always" makes it a sidecar. */
  restartPolicy: z.string().optional(),
  volumeMounts: mounts.nullish(),
});
const text = z.record(z.string(), z.string()).nullish();
const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    labels: text,
    annotations: text,
    ownerReferences: z.array(z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().nullish() })).nullish(),
  }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    containers: z.array(containerSchema).min(1),
    initContainers: z.array(containerSchema).nullish(),
    volumes: z.array(z.looseObject({ name: z.string(), emptyDir: z.unknown().optional() })).nullish(),
    affinity: z.looseObject({ nodeAffinity: z.unknown().optional() }).nullish(),
  }),
});

/** A pod as the API has it, or as it was written; all of its fields are kept, these are those that are read. */
export type OldPod = z.infer<typeof podSchema>;
type Container = z.infer<typeof containerSchema>;

/** A pod that can be created. */
export interface NewPodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: OldPod['spec'] & { readonly nodeName: string };
}

/** What the new pod is to be. */
export interface Wish {
  readonly name: string;
  readonly node: string;
  /** Whether somebody chose the node: what bound the old pod to nodes is then taken out, for the kubelet would hold the new one to it. */
  readonly nodeChosen?: boolean;
  /** What the restore annotation says, by container: the name of an archive in the node's checkpoint folder. */
  readonly archives: Readonly<Record<string, string>>;
  /** More annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The new pod, and what people should know of it. */
export interface Reshaped {
  readonly manifest: NewPodManifest;
  /** Labels of the old pod that the new one lacks, for a controller would take it for one of its own. */
  readonly labelsLeftOut: Readonly<Record<string, string>>;
  /** Init containers that have done their work: what they put into emptyDirs comes with the archives. */
  readonly initContainersLeftOut: readonly string[];
  /** Containers and sidecars that have no archive. */
  readonly fromImage: readonly string[];
}

/**
 * Reads a pod that came from elsewhere: the member `pod.dump` of an archive, or a manifest.
 * @param where for the error, e.g. "pod.dump of counter.tar"
 * @throws ToolkitError when it is none
 */
export function readOldPod(value: unknown, where: string): OldPod {
  const parsed = podSchema.safeParse(value);
  if (!parsed.success) throw new ToolkitError(`${where} holds no pod`, { details: z.prettifyError(parsed.error).split('\n') });
  return parsed.data;
}

/**
 * Makes a pod out of an old one, whose containers start from archives: the same in all that its processes see, without what identified
 * the old one, and such that no controller adopts it. What the API server fills in by itself (priority, overhead, the volume of the
 * token) is left out, so that it does so anew.
 */
export function reshapePod(old: OldPod, wish: Wish): Reshaped {
  const { labels, leftOut } = labelsFor(old);
  const kept = annotationsFor(old);
  const baseName = old.metadata.annotations?.[baseNameAnnotation] ?? old.metadata.name;
  const restores = Object.entries(wish.archives).map(([container, archive]) => [restoreAnnotation(container), archive]);
  const annotations = { ...kept, [baseNameAnnotation]: baseName, ...Object.fromEntries(restores), ...wish.annotations };
  const { namespace } = old.metadata;
  const { spec, initContainersLeftOut } = specFor(old, wish);
  const running = [...spec.containers, ...(spec.initContainers ?? []).filter(isSidecar)];
  return {
    manifest: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: wish.name, ...(namespace === undefined ? {} : { namespace }), labels, annotations },
      spec,
    },
    labelsLeftOut: leftOut,
    initContainersLeftOut,
    fromImage: running.map(({ name }) => name).filter((name) => !Object.hasOwn(wish.archives, name)),
  };
}

/** Whether an init container runs beside the others as long as the pod does. */
export const isSidecar = ({ restartPolicy }: Pick<Container, 'restartPolicy'>): boolean => restartPolicy === 'Always';

/** The labels by which controllers of Kubernetes tell their pods. */
const CONTROLLER_LABEL =
  /^(pod-template-hash|controller-revision-hash|pod-template-generation|controller-uid|job-name|(statefulset\.kubernetes|apps\.kubernetes|batch\.kubernetes)\.io\/.+)$/;
/** Controllers that select by one of those, or by name: without them they do not adopt. A ReplicaSet does where a Deployment made it. */
const TELLS_BY_OWN_LABEL = new Set(['Job', 'StatefulSet', 'Node']);

/**
 * A DaemonSet, or a ReplicaSet that nobody but people made, selects by labels that mean something else too; so may any controller that
 * is not Kubernetes' own. Of such a pod no label is kept: adopted, it would be one too many, and be removed.
 */
function labelsFor({ metadata }: OldPod): { labels: Record<string, string>; leftOut: Record<string, string> } {
  const all = metadata.labels ?? {};
  const owners = (metadata.ownerReferences ?? []).filter(({ controller }) => controller === true);
  const byOwnLabel = owners.every(
    ({ kind }) => TELLS_BY_OWN_LABEL.has(kind) || (kind === 'ReplicaSet' && all['pod-template-hash'] !== undefined),
  );
  const stays = (name: string): boolean => byOwnLabel && !CONTROLLER_LABEL.test(name);
  return { labels: pick(all, stays), leftOut: pick(all, (name) => !stays(name)) };
}

/** Annotations that tell of the old pod itself: how it was applied, restored, networked, and counted by its controller. */
const OLD_ANNOTATION =
  /^(kubectl\.kubernetes\.io\/last-applied-configuration|kubernetes\.io\/config\.\w+|controller\.kubernetes\.io\/pod-deletion-cost|batch\.kubernetes\.io\/.+|cni\.projectcalico\.org\/(containerID|podIPs?)|k8s\.v1\.cni\.cncf\.io\/networks?-status|k8s\.ovn\.org\/pod-networks)$/;

function annotationsFor({ metadata }: OldPod): Record<string, string> {
  return pick(metadata.annotations ?? {}, (name) => !OLD_ANNOTATION.test(name) && !isOfRestore(name));
}

/** What the API server or the scheduler fills in, or what belongs to the old pod alone. */
const FILLED_IN = ['nodeName', 'ephemeralContainers', 'priority', 'preemptionPolicy', 'overhead', 'schedulingGates'];

function specFor(old: OldPod, wish: Wish): { spec: NewPodManifest['spec']; initContainersLeftOut: string[] } {
  const tokens = new Set((old.spec.volumes ?? []).map(({ name }) => name).filter((name) => name.startsWith('kube-api-access-')));
  const withoutToken = (container: Container): Container =>
    container.volumeMounts == null
      ? container
      : { ...container, volumeMounts: container.volumeMounts.filter(({ name }) => !tokens.has(name)) };
  const { containers, initContainers, volumes, affinity, nodeSelector, ...rest } = old.spec;
  const done = doneInits(old, wish);
  const inits = (initContainers ?? []).filter(({ name }) => !done.includes(name)).map(withoutToken);
  const where = affinityFor(affinity, wish.nodeChosen ?? false);
  return {
    spec: {
      ...Object.fromEntries(Object.entries(rest).filter(([name]) => !FILLED_IN.includes(name))),
      nodeName: wish.node,
      ...(nodeSelector === undefined || wish.nodeChosen ? {} : { nodeSelector }),
      ...(where === undefined ? {} : { affinity: where }),
      ...(inits.length === 0 ? {} : { initContainers: inits }),
      containers: containers.map(withoutToken),
      ...(volumes == null ? {} : { volumes: volumes.filter(({ name }) => !tokens.has(name)) }),
    },
    initContainersLeftOut: done,
  };
}

/**
 * Init containers run anew in the new pod – they may have set up its network –, but for those that may write into an emptyDir whose
 * content comes with an archive: the runtime fills it only while it is empty.
 */
function doneInits({ spec }: OldPod, { archives }: Wish): string[] {
  const emptyDirs = new Set((spec.volumes ?? []).filter(({ emptyDir }) => emptyDir !== undefined).map(({ name }) => name));
  const inits = spec.initContainers ?? [];
  const mounted = (container: Container): string[] => (container.volumeMounts ?? []).map(({ name }) => name);
  const filled = new Set(
    [...spec.containers, ...inits]
      .filter(({ name }) => Object.hasOwn(archives, name))
      .flatMap(mounted)
      .filter((name) => emptyDirs.has(name)),
  );
  const writes = (container: Container): boolean =>
    (container.volumeMounts ?? []).some(({ name, readOnly }) => filled.has(name) && readOnly !== true);
  return inits.filter((init) => !isSidecar(init) && writes(init)).map(({ name }) => name);
}

const term = z.looseObject({ matchFields: z.array(z.unknown()).nullish() });
const nodeAffinitySchema = z.looseObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.looseObject({ nodeSelectorTerms: z.array(term) }).nullish(),
});

/** Without what binds to nodes, where the node was chosen; else without what bound the pod of a DaemonSet to the name of its node. */
function affinityFor(affinity: OldPod['spec']['affinity'], nodeChosen: boolean): OldPod['spec']['affinity'] | undefined {
  if (affinity == null) return undefined;
  const { nodeAffinity, ...others } = affinity;
  const rest = Object.keys(others).length === 0 ? undefined : others;
  if (nodeAffinity == null || nodeChosen) return rest;
  const parsed = nodeAffinitySchema.safeParse(nodeAffinity);
  const byName = parsed.data?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.some(
    ({ matchFields }) => (matchFields ?? []).length > 0,
  );
  return byName ? rest : affinity;
}

function pick(from: Readonly<Record<string, string>>, keep: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => keep(name)));
}

/** A pod's name is its host name, too, where that is not given: as long as one may be. */
const LONGEST_NAME = 63;
/** Kubernetes' own: no vowels, so that no words come about, and nothing that looks like something else. */
const LETTERS = 'bcdfghjklmnpqrstvwxz';
const CHARACTERS = `${LETTERS}2456789`;

/**
 * A name for a pod that follows on an old one: its base name – without what was put behind it by an earlier restore – and five random
 * characters. The first of them is a letter: a StatefulSet takes what ends in a number for one of its pods.
 * @param random a whole number from 0 on, less than `below`
 */
export function nextName({ metadata }: Pick<OldPod, 'metadata'>, random: (below: number) => number = randomInt): string {
  const base = metadata.annotations?.[baseNameAnnotation] ?? metadata.name;
  const suffix = Array.from({ length: 5 }, (_, at) => (at === 0 ? LETTERS : CHARACTERS).charAt(random(at === 0 ? 20 : 27))).join('');
  const room = LONGEST_NAME - suffix.length - 1;
  return `${base.slice(0, room).replace(/[^a-z0-9]+$/, '')}-${suffix}`;
}
