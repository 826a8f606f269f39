import { type FetchWay, fetchWays } from '../checkpoint/node-folder.js';
import { DEFAULT_TIMEOUT_SECONDS } from '../checkpoint/timeout.js';
import type { Flags } from '../lib/cli/task.js';
import { UsageError } from '../lib/core/errors.js';

/** Ways to a checkpoint, as `--via` names them. */
export const ways = ['api', 'node-proxy', 'kubelet'] as const;
export type RouteName = (typeof ways)[number];

/** The image of that pod where none is named. */
export const defaultHelperImage = 'busybox:1.36';

/**
 * The flags that more than one verb of `kubectl checkpoint` may take; kubectl's own names where it has one for the same thing. What
 * one verb alone takes stands in its file.
 */
export const sharedFlags = {
  namespace: { type: 'string', short: 'n', value: 'NS', help: 'namespace of the pod (default: the context’s); with ls: only its archives' },
  container: { type: 'string', short: 'c', value: 'NAME', help: 'the container, where the pod has several' },
  name: { type: 'string', value: 'NAME', help: 'name of the new pod (default: the old one’s, and five characters)' },
  output: {
    type: 'string',
    short: 'o',
    value: 'FILE',
    help: 'bring the archive here; with build: write the image here; into a folder: under its own name',
  },
  timeout: {
    type: 'string',
    value: 'TIME',
    help: `what the runtime may take, e.g. 60s; the kubelet never gives it less than 2m (default: ${DEFAULT_TIMEOUT_SECONDS}s); with restore: how long the pod may take to start (default: 3m)`,
  },
  via: { type: 'string', value: ways.join('|'), help: 'whom to ask (default: api where the API server has it, else node-proxy)' },
  fetch: {
    type: 'string',
    value: fetchWays.join('|'),
    help: 'how to get at a node’s files (default: docker for kind nodes of this machine, else pod)',
  },
  'helper-image': {
    type: 'string',
    value: 'IMAGE',
    help: `image of that pod, with sh, cat, stat, tar, sha256sum (default: ${defaultHelperImage})`,
  },
  'helper-namespace': { type: 'string', value: 'NS', help: 'namespace of that pod; it must admit hostPath (default: that of --namespace)' },
  node: {
    type: 'string',
    value: 'NODE',
    help: 'with rm: look on this node alone; with restore: where to (default: where the archive or its pod was)',
  },
  kubeconfig: { type: 'string', value: 'PATH', help: 'kubeconfig file (default: KUBECONFIG, else ~/.kube/config)' },
  context: { type: 'string', value: 'NAME', help: 'context in it (default: its current one)' },
} as const satisfies Flags;

/** Those that say which cluster, and how its nodes' files are got at. */
export const clusterFlags: ReadonlyArray<keyof typeof sharedFlags> = ['kubeconfig', 'context', 'fetch', 'helper-image', 'helper-namespace'];

/** A pod's name, bare or as kubectl writes it. */
const POD = /^(?:(?:pods?|po)\/)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/;

/**
 * The pod that words name: `NAME`, `pod/NAME` or `pod NAME`.
 * @throws UsageError that says what would be right
 */
export function podNamed(first: string, rest: readonly string[]): string {
  const split = /^(pods?|po)$/.test(first) && rest.length === 1;
  const word = split ? `pod/${rest[0]}` : first;
  if (!split) refuseMore(word, rest, 0);
  const pod = POD.exec(word)?.[1];
  if (pod === undefined)
    throw new UsageError(`${word} is no pod`, {
      hint: word.includes('/')
        ? 'Only pods can be checkpointed: NAME or pod/NAME.'
        : 'A pod’s name has lower-case letters, digits, dashes and dots.',
    });
  return pod;
}

/** The way that `--fetch` names. @throws UsageError */
export function readFetch(value: string | undefined): FetchWay {
  return oneOf('--fetch', fetchWays, value) ?? 'auto';
}

/** One of a few words. @throws UsageError that names them */
export function oneOf<const T extends string>(flag: string, known: readonly T[], value: string | undefined): T | undefined {
  if (value === undefined) return undefined;
  const found = known.find((one) => one === value);
  if (found === undefined) throw new UsageError(`${flag}: ${value} is none of ${known.join(', ')}`);
  return found;
}

/** @throws UsageError when there are more words than `most` */
export function refuseMore(what: string, words: readonly string[], most: number): void {
  if (words.length > most) throw new UsageError(`${what}: one word too many: ${words.slice(most).join(' ')}`);
}
