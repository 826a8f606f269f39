/** Whose archive it is and when it was made, as far as its name tells. */
export interface ArchiveName {
  readonly pod: string;
  /** Undefined where the name could mean several and the archive itself did not tell. */
  readonly namespace: string | undefined;
  readonly container: string | undefined;
  /** RFC 3339, in the time zone of the node. */
  readonly time: string;
}

/**
 * The kubelet's format: checkpoint-POD_NAMESPACE-CONTAINER-TIME.tar. A pod's name has no underscore. Where two are of the same second,
 * our kubelet adds its fraction to the later one.
 */
const NAME = /^checkpoint-([^_/]+)_([a-z0-9-]+)-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\.tar$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Reads the name of an archive. Namespace and container are joined by a dash and may hold dashes themselves: `a-b-c` is container
 * `c` of `a-b` or `b-c` of `a`.
 * @param namespace what the archive says of itself, if it was asked
 * @returns undefined when it is no name that a kubelet gives
 */
export function parseArchiveName(name: string, namespace?: string): ArchiveName | undefined {
  const [, pod, owner, time] = NAME.exec(name) ?? [];
  if (pod === undefined || owner === undefined || time === undefined) return undefined;
  const splits = [...owner.matchAll(/-/g)]
    .map(({ index }) => ({ namespace: owner.slice(0, index), container: owner.slice(index + 1) }))
    .filter((split) => LABEL.test(split.namespace) && LABEL.test(split.container));
  const known = namespace === undefined ? splits : splits.filter((split) => split.namespace === namespace);
  const [only] = known;
  return known.length === 1 && only !== undefined ? { pod, ...only, time } : { pod, namespace: undefined, container: undefined, time };
}

/** True when an archive may belong to a namespace. */
export function mayBeOf(name: string, namespace: string): boolean {
  const owner = NAME.exec(name)?.[2];
  return owner?.startsWith(`${namespace}-`) ?? false;
}
