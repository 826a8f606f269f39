import { messageOf, ToolkitError, UsageError } from '../lib/core/errors.js';
import type { NodeObject } from '../lib/kube/core.js';
import { isSidecar, type OldPod, readOldPod } from './pod-manifest.js';
import { placeText, type RestoreArchive } from './restore-source.js';

/** What a pod is made of. */
export interface RestoreParts {
  /** At least one; each of another container. */
  readonly archives: readonly RestoreArchive[];
  /** A manifest that is taken instead of what the archives hold. */
  readonly manifest: { readonly pod: OldPod; readonly file: string } | undefined;
  /** Named by who asks. */
  readonly namespace: string | undefined;
}

/** The pod that archives are of, in their namespace. */
export type PlannedPod = OldPod & { readonly metadata: { readonly namespace: string } };

/**
 * Finds out which pod the archives are of, and that they fit it and each other.
 * @throws UsageError, ToolkitError that name the archive which does not
 */
export function plannedPod({ archives, manifest, namespace }: RestoreParts): PlannedPod {
  const [first, ...others] = archives;
  if (first === undefined) throw new TypeError('a restore of no archive');
  if (namespace !== undefined && namespace !== first.namespace)
    throw new UsageError(`${placeText(first.place)} is of namespace ${first.namespace}, not of ${namespace}`, {
      details: ['An archive goes back into its own namespace only: it holds the secrets of that.'],
      hint: `--namespace ${first.namespace}, or none`,
    });
  for (const other of others) checkSamePod(first, other);
  const pod = manifest?.pod ?? dumpedPod(archives);
  const stated = pod.metadata.namespace ?? first.namespace;
  if (stated !== first.namespace)
    throw new UsageError(
      `${manifest?.file ?? `the pod in ${placeText(first.place)}`} is of namespace ${stated}, its archive of ${first.namespace}`,
    );
  checkContainers(pod, archives);
  return { ...pod, metadata: { ...pod.metadata, namespace: stated } };
}

function checkSamePod(first: RestoreArchive, other: RestoreArchive): void {
  const [one, two] = [placeText(first.place), placeText(other.place)];
  if (first.namespace !== other.namespace || first.pod !== other.pod)
    throw new UsageError('the archives are not of one pod', {
      details: [`${one}: ${first.namespace}/${first.pod}`, `${two}: ${other.namespace}/${other.pod}`],
      hint: 'Restore them one by one.',
    });
  if (first.container === other.container)
    throw new UsageError(`two archives of container ${first.container} were named`, { details: [one, two] });
}

/** The pod as the archives hold it: of one UID. */
function dumpedPod(archives: readonly RestoreArchive[]): OldPod {
  const pods = archives.map(({ place, podDump }) => ({
    place,
    pod: podDump === undefined ? undefined : parsed(podDump, placeText(place)),
  }));
  const found = pods.filter(({ pod }) => pod !== undefined);
  const [first] = found;
  if (first?.pod === undefined)
    throw new ToolkitError(`${archives.map(({ place }) => placeText(place)).join(', ')} does not tell what its pod was`, {
      details: ['It has no pod.dump: the kubelet of another cluster made it, or an older one of this toolkit.'],
      hint: 'Give the pod’s manifest: --pod FILE (while the pod is there: kubectl get pod NAME -o yaml >FILE)',
    });
  const uid = first.pod.metadata.uid;
  const other = found.find(({ pod }) => pod?.metadata.uid !== uid);
  if (other !== undefined)
    throw new UsageError('the archives are of two pods of one name', {
      details: [first, other].map(({ place, pod }) => `${placeText(place)}: UID ${pod?.metadata.uid ?? 'unknown'}`),
      hint: 'Restore them one by one.',
    });
  return first.pod;
}

function parsed(podDump: string, where: string): OldPod {
  let value: unknown;
  try {
    value = JSON.parse(podDump);
  } catch (error) {
    throw new ToolkitError(`pod.dump of ${where} is no JSON`, { details: [messageOf(error)], cause: error });
  }
  return readOldPod(value, `pod.dump of ${where}`);
}

function checkContainers({ metadata, spec }: OldPod, archives: readonly RestoreArchive[]): void {
  const inits = spec.initContainers ?? [];
  const known = [...spec.containers, ...inits.filter(isSidecar)].map(({ name }) => name);
  for (const { place, container } of archives) {
    if (known.includes(container)) continue;
    const ran = inits.some(({ name }) => name === container);
    throw new UsageError(
      ran
        ? `${placeText(place)} is of init container ${container}, which runs to its end before the others: it is not restored`
        : `pod ${metadata.name} has no container ${container}, which ${placeText(place)} is of`,
      { hint: `Containers that can be restored: ${known.join(', ')}` },
    );
  }
}

/**
 * Refuses a node on which the archives cannot be restored, whatever its runtime is.
 * @throws ToolkitError with the reason
 */
export function checkTarget(name: string, { status }: NodeObject, archives: readonly RestoreArchive[]): void {
  const { architecture } = status?.nodeInfo ?? {};
  const hint = 'Name another node: --node NODE';
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True')
    throw new ToolkitError(`node ${name} is not ready`, { details: [ready?.reason ?? 'its kubelet has said nothing'], hint });
  const foreign = archives.find((archive) => archive.architecture !== undefined && archive.architecture !== architecture);
  if (foreign !== undefined && architecture !== undefined)
    throw new ToolkitError(`${placeText(foreign.place)} is of a process on ${foreign.architecture}, and node ${name} is ${architecture}`, {
      hint,
    });
}

/** The name under which a file here is looked for, and laid, in the checkpoint folder of a node; without `.tar`. */
export function stemFor(fileName: string): string {
  const stem = fileName.replace(/\.tar$/, '').replace(/[^A-Za-z0-9._:+-]/g, '-');
  return stem.startsWith('checkpoint-') ? stem : `checkpoint-${stem}`;
}
