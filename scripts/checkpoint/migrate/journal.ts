import * as z from 'zod';
import type { ContainerRef } from '../../lib/cluster/pod.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { awaitAnnotation, migrationAnnotation, restoreAnnotation } from '../annotations.js';
import { type MovingPod, movingContainers } from './moving-pod.js';

/** The label by which the target pods of migrations under way are found. Its value tells how far it has come. */
export const UNDER_WAY = migrationAnnotation('under-way');
const BEGUN = 'begun';
const RESTORED = 'restored';

const SOURCE = migrationAnnotation('source');
const TARGET = migrationAnnotation('target');
const NAME = migrationAnnotation('name');
const LABELS = migrationAnnotation('labels');
const BY = migrationAnnotation('by');

/** A pod on its node. */
export interface Place {
  readonly node: string;
  readonly pod: string;
}

/**
 * What a migration is about. It is kept in annotations of the target pod, and in short in those of the source: so it survives whoever
 * commands it, and anybody else can finish it or take it back.
 */
export interface Journal {
  readonly namespace: string;
  readonly source: Place & { readonly uid: string };
  readonly target: Place;
  /** What all archives of it begin with, `shared/` included where both nodes see that folder. */
  readonly name: string;
  /** Those whose processes move. */
  readonly containers: readonly string[];
  /** What the target gets when it runs: until then neither a controller nor a Service may take it for one of its own. */
  readonly labels: Readonly<Record<string, string>>;
  /** Who commands it: HOST/PROCESS ID. */
  readonly by: string;
  /** True once the target has been seen to run it all: what the claims say does not matter any more, and they may be gone. */
  readonly restored: boolean;
}

/** Whether both nodes see the folder that the archives are in. */
export const isShared = ({ name }: Pick<Journal, 'name'>): boolean => name.startsWith('shared/');

/** What a container is handed over as: a folder where both nodes see it, else a tar file that is carried. */
export function archiveOf(journal: Pick<Journal, 'name'>, container: string): string {
  return `${journal.name}.${container}${isShared(journal) ? '' : '.tar'}`;
}

/** The archives of all containers, in the order of the containers. */
export const archivesOf = (journal: Pick<Journal, 'name' | 'containers'>): string[] =>
  journal.containers.map((container) => archiveOf(journal, container));

/** A container of the source, as requests name it. */
export function sourceContainer({ namespace, source }: Journal, container: string): ContainerRef & { readonly node: string } {
  return { namespace, pod: source.pod, container, node: source.node };
}

/** The annotations of the target pod. */
export function targetAnnotations(journal: Omit<Journal, 'restored'>): Record<string, string> {
  const { source, name, labels, by, containers } = journal;
  return {
    [SOURCE]: `${source.node}/${source.pod}/${source.uid}`,
    [NAME]: name,
    [LABELS]: JSON.stringify(labels),
    [BY]: by,
    ...Object.fromEntries(containers.map((container) => [restoreAnnotation(container), archiveOf(journal, container)])),
    ...Object.fromEntries(containers.map((container) => [awaitAnnotation(container), 'true'])),
  };
}

/** The annotations of the source pod: enough to take it back when the target is gone. */
export function sourceAnnotations({ target, name }: Journal): Record<string, string> {
  return { [TARGET]: `${target.node}/${target.pod}`, [NAME]: name };
}

/** As a merge patch: takes annotations out. */
const without = (annotations: Readonly<Record<string, string>>): Record<string, null> =>
  Object.fromEntries(Object.keys(annotations).map((name) => [name, null]));

/** The labels of the target pod while it waits: none by which a controller or a Service selects. */
export const waitingLabels: Readonly<Record<string, string>> = { [UNDER_WAY]: BEGUN };

/** The merge patch that gives the target, which runs, the labels of the source. */
export function restoredPatch({ labels }: Journal): object {
  return { metadata: { labels: { ...labels, [UNDER_WAY]: RESTORED } } };
}

/** The merge patch that makes the target an ordinary pod. */
export function ordinaryPatch(journal: Journal): object {
  return { metadata: { labels: { [UNDER_WAY]: null }, annotations: without(targetAnnotations(journal)) } };
}

/** The merge patch that makes the source an ordinary pod again. */
export function unmarkedPatch(journal: Journal): object {
  return { metadata: { annotations: without(sourceAnnotations(journal)) } };
}

const labelsSchema = z.record(z.string(), z.string());

/** Reads the journal of a target pod; undefined where it is none. @throws ToolkitError when it is damaged */
export function readTarget({ metadata, spec }: MovingPod): Journal | undefined {
  const annotations = metadata.annotations ?? {};
  const [node, pod, uid] = (annotations[SOURCE] ?? '').split('/');
  const name = annotations[NAME];
  if (metadata.labels?.[UNDER_WAY] === undefined || name === undefined) return undefined;
  try {
    if (!node || !pod || !uid) throw new Error(`${SOURCE} is ${annotations[SOURCE]}, not NODE/POD/UID`);
    return {
      namespace: metadata.namespace,
      source: { node, pod, uid },
      target: { node: spec.nodeName ?? '', pod: metadata.name },
      name,
      containers: movingContainers({ spec }).filter((container) => annotations[awaitAnnotation(container)] === 'true'),
      labels: labelsSchema.parse(JSON.parse(annotations[LABELS] ?? '{}')),
      by: annotations[BY] ?? '',
      restored: metadata.labels[UNDER_WAY] === RESTORED,
    };
  } catch (error) {
    throw new ToolkitError(`the journal of a migration in pod ${metadata.namespace}/${metadata.name} is damaged`, {
      details: [String(error)],
      hint: `See its annotations: kubectl -n ${metadata.namespace} get pod ${metadata.name} -o yaml`,
      cause: error,
    });
  }
}

/** Reads what is left of a journal in a source pod, whose target is gone; undefined where it does not move. */
export function readSource({ metadata, spec }: MovingPod): Journal | undefined {
  const annotations = metadata.annotations ?? {};
  const [node, pod] = (annotations[TARGET] ?? '').split('/');
  const name = annotations[NAME];
  if (!node || !pod || name === undefined) return undefined;
  return {
    namespace: metadata.namespace,
    source: { node: spec.nodeName ?? '', pod: metadata.name, uid: metadata.uid },
    target: { node, pod },
    name,
    containers: movingContainers({ spec }),
    labels: metadata.labels ?? {},
    by: '',
    restored: false,
  };
}
