import { DEFAULT_TIMEOUT_SECONDS } from '../checkpoint/timeout.js';
import type { Flags, FlagValues } from '../lib/cli/task.js';
import { parseDuration } from '../lib/core/duration.js';
import { UsageError } from '../lib/core/errors.js';

/** Ways to a checkpoint, as `--via` names them. */
export const ways = ['api', 'node-proxy', 'kubelet'] as const;
export type RouteName = (typeof ways)[number];

/** How to get at a node's files: of a kind node through Docker, of any node through a pod. */
export const fetchWays = ['auto', 'docker', 'pod'] as const;
export type FetchWay = (typeof fetchWays)[number];

/** The image of that pod where none is named. */
export const defaultHelperImage = 'busybox:1.36';

/** The flags of `kubectl checkpoint`; kubectl's own names where it has one for the same thing. */
export const checkpointFlags = {
  namespace: { type: 'string', short: 'n', value: 'NS', help: 'namespace of the pod (default: the context’s); with ls: only its archives' },
  container: { type: 'string', short: 'c', value: 'NAME', help: 'the container, where the pod has several' },
  output: { type: 'string', short: 'o', value: 'FILE', help: 'bring the archive here; into a folder: under its own name' },
  timeout: {
    type: 'string',
    value: 'TIME',
    help: `what the runtime may take, e.g. 60s; the kubelet never gives it less than 2m (default: ${DEFAULT_TIMEOUT_SECONDS}s)`,
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
  node: { type: 'string', value: 'NODE', help: 'with rm: look on this node alone' },
  kubeconfig: { type: 'string', value: 'PATH', help: 'kubeconfig file (default: KUBECONFIG, else ~/.kube/config)' },
  context: { type: 'string', value: 'NAME', help: 'context in it (default: its current one)' },
} as const satisfies Flags;

export type CheckpointFlags = FlagValues<typeof checkpointFlags>;

/** What `kubectl checkpoint` is asked to do. */
export type Command =
  | {
      readonly verb: 'checkpoint';
      readonly pod: string;
      readonly via: RouteName | undefined;
      readonly fetch: FetchWay;
      readonly timeoutSeconds: number;
    }
  | { readonly verb: 'ls'; readonly fetch: FetchWay }
  | { readonly verb: 'rm'; readonly archives: readonly string[]; readonly fetch: FetchWay }
  | { readonly verb: 'inspect'; readonly file: string };

type FlagName = keyof typeof checkpointFlags;

const CLUSTER: readonly FlagName[] = ['kubeconfig', 'context', 'fetch', 'helper-image', 'helper-namespace'];
/** The flags that mean something, by verb: one that would be passed over is refused. */
const FLAGS_OF: Readonly<Record<Command['verb'], readonly FlagName[]>> = {
  checkpoint: [...CLUSTER, 'namespace', 'container', 'output', 'timeout', 'via'],
  ls: [...CLUSTER, 'namespace'],
  rm: [...CLUSTER, 'node'],
  inspect: [],
};

/** A pod's name, bare or as kubectl writes it. */
const POD = /^(?:(?:pods?|po)\/)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/;

/** Reads what comes after `kubectl checkpoint`. @throws UsageError that says what would be right */
export function readCommand(words: readonly string[], flags: CheckpointFlags): Command {
  const [first, ...rest] = words;
  if (first === undefined)
    throw new UsageError('kubectl checkpoint: name a pod', {
      hint: 'kubectl checkpoint POD | ls | inspect FILE | rm ARCHIVE…   (a pod called ls: pod/ls)',
    });
  const verb = first === 'ls' || first === 'rm' || first === 'inspect' ? first : 'checkpoint';
  refuseIdleFlags(verb, flags);
  const fetch = oneOf('--fetch', fetchWays, flags.fetch) ?? 'auto';
  switch (verb) {
    case 'ls':
      refuseMore('ls', rest, 0);
      return { verb, fetch };
    case 'rm':
      if (rest.length === 0) throw new UsageError('rm: name an archive', { hint: 'kubectl checkpoint ls   lists them.' });
      return { verb, archives: rest, fetch };
    case 'inspect': {
      const [file] = rest;
      if (file === undefined)
        throw new UsageError('inspect: name a file', { hint: 'kubectl checkpoint POD --output FILE   brings an archive here.' });
      refuseMore('inspect', rest, 1);
      return { verb, file };
    }
    case 'checkpoint':
      return readCheckpoint(first, rest, flags, fetch);
  }
}

function readCheckpoint(first: string, rest: readonly string[], flags: CheckpointFlags, fetch: FetchWay): Command {
  // `pod NAME`, as kubectl takes it too.
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
  return {
    verb: 'checkpoint',
    pod,
    via: oneOf('--via', ways, flags.via),
    fetch,
    timeoutSeconds: flags.timeout === undefined ? DEFAULT_TIMEOUT_SECONDS : parseDuration('--timeout', flags.timeout),
  };
}

function refuseIdleFlags(verb: Command['verb'], flags: CheckpointFlags): void {
  const idle = (Object.keys(checkpointFlags) as FlagName[]).filter((name) => flags[name] !== undefined && !FLAGS_OF[verb].includes(name));
  if (idle.length === 0) return;
  const known = FLAGS_OF[verb].map((name) => `--${name}`);
  throw new UsageError(`${verb === 'checkpoint' ? 'a checkpoint' : verb} does not take ${idle.map((name) => `--${name}`).join(', ')}`, {
    hint: known.length === 0 ? undefined : `It takes: ${known.join(' ')}`,
  });
}

function refuseMore(what: string, words: readonly string[], most: number): void {
  if (words.length > most) throw new UsageError(`${what}: one word too many: ${words.slice(most).join(' ')}`);
}

function oneOf<const T extends string>(flag: string, known: readonly T[], value: string | undefined): T | undefined {
  if (value === undefined) return undefined;
  const found = known.find((one) => one === value);
  if (found === undefined) throw new UsageError(`${flag}: ${value} is none of ${known.join(', ')}`);
  return found;
}
