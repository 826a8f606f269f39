import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { until } from '../core/until.js';
import { archiveFolder } from './kubelet.js';
import { Node } from './node.js';
import type { ContainerRef } from './pod.js';

/** How long collecting in the background may take, milliseconds. */
const COLLECTED_MS = 30_000;
/** How many lines of a difference are shown. */
const SHOWN = 10;

/** What a checkpoint could leave on a node, by the command that lists it, a line each. */
const LISTINGS = {
  image: 'ctr --namespace=k8s.io images ls --quiet',
  content: 'ctr --namespace=k8s.io content ls --quiet',
  lease: 'ctr --namespace=k8s.io leases ls --quiet',
  snapshot: "ctr --namespace=k8s.io snapshots ls | awk 'NR > 1 {print $1, $3}'",
  task: "ctr --namespace=k8s.io tasks ls | awk 'NR > 1 {print $1, $3}'",
  // Those of pods come and go with the pods.
  mount: "awk '$2 !~ /^\\/(run\\/netns|var\\/lib\\/kubelet\\/pods)\\// {print $1, $2, $3}' /proc/self/mounts",
  'temporary file': 'find /tmp /var/lib/containerd/tmpmounts -mindepth 1',
  // The logs of dumps that failed stay on purpose.
  'file of a container': 'find /var/lib/containerd/io.containerd.grpc.v1.cri -mindepth 1 -not -path "*/checkpoint-logs*"',
  archive: `mkdir -p ${archiveFolder}; find ${archiveFolder} -mindepth 1`,
  // Nothing is found on a good day.
  process: 'pgrep -l -x criu || true',
} as const;

/** Containers and sandboxes, by the command that lists their IDs: they tell whose the things are whose names hold one. */
const OWNERS = {
  container: 'ctr --namespace=k8s.io containers ls --quiet',
  // Those without a process, whose remains the kubelet collects when it comes to it.
  dead: 'comm -23 <(ctr --namespace=k8s.io containers ls --quiet | sort) <(ctr --namespace=k8s.io tasks ls | awk \'NR > 1 && $3 != "STOPPED" {print $1}\' | sort)',
} as const;

/** The containers and the sandbox of a pod. */
const ofPod = ({ namespace, pod }: PodRef): string =>
  `ctr --namespace=k8s.io containers ls --quiet 'labels."io.kubernetes.pod.name"==${pod},labels."io.kubernetes.pod.namespace"==${namespace}'`;

type PodRef = Pick<ContainerRef, 'namespace' | 'pod'>;

/** What a node holds, as far as some pods and what belongs to no pod are concerned. */
export interface NodeState {
  readonly pods: readonly PodRef[];
  /** A line for each thing, `KIND NAME`, sorted. */
  readonly lines: readonly string[];
  /** IDs of the containers and sandboxes of other pods. */
  readonly others: readonly string[];
  /** IDs of containers and sandboxes that have no process any more. */
  readonly dead: readonly string[];
}

/** The script for bash that lists everything, `KIND NAME` each. */
const script = (pods: readonly PodRef[]): string =>
  [
    'set -o pipefail',
    ...[...Object.entries({ ...LISTINGS, ...OWNERS }), ...pods.map((pod) => ['own', ofPod(pod)] as const)].map(
      ([kind, command]) => `{ ${command}; } | sed "s|^|${kind} |" || exit 1`,
    ),
  ].join('\n');

/** Lists what a checkpoint could leave on a node. Undefined while containerd does not answer. */
async function look(node: Node, pods: readonly PodRef[]): Promise<NodeState | undefined> {
  const { stdout, exitCode } = await node.run(['bash', '-c', script(pods)], { accept: true });
  if (exitCode !== 0) return undefined;
  const all = stdout.split('\n').filter(Boolean).sort();
  const ids = (kind: string): string[] => all.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  const own = new Set(ids('own'));
  return {
    pods,
    lines: all.filter((line) => !/^(?:container|dead|own) /.test(line)),
    others: ids('container').filter((id) => !own.has(id)),
    dead: ids('dead'),
  };
}

/** What a node holds now. @param pods those that count; the other ones may come and go meanwhile */
export async function nodeState(ctx: Context, name: string, pods: readonly PodRef[]): Promise<NodeState> {
  // A file that goes while it is listed ends find(1) with an error.
  const listed = await until(
    ctx,
    `what is on ${name} can be listed`,
    () => look(new Node(ctx.runner, name), pods),
    (state) => state !== undefined,
  );
  return listed ?? { pods, lines: [], others: [], dead: [] };
}

/**
 * What is in one state and not in the other, as lines with a sign before them; without what belongs to other pods, or to those that were
 * dead before: other pods end and begin, and the kubelet collects what they left, when it comes to it.
 */
function changesBetween(before: NodeState, after: NodeState): string[] {
  const [had, has] = [new Set(before.lines), new Set(after.lines)];
  const strangers = [...before.others, ...before.dead, ...after.others];
  const counts = (line: string): boolean => !strangers.some((id) => line.includes(id));
  return [
    ...after.lines.filter((line) => !had.has(line) && counts(line)).map((line) => `+ ${line}`),
    ...before.lines.filter((line) => !has.has(line) && counts(line)).map((line) => `- ${line}`),
  ];
}

/**
 * Proves that a node holds again what it held before. Images, content and leases are collected in the background: waits for that.
 * @throws ToolkitError with what has been added, and what is missing
 */
export async function expectSameState(ctx: Context, name: string, before: NodeState): Promise<void> {
  await until(
    ctx,
    (different) => new ToolkitError(`something was left on ${name}, or is gone`, { details: different.slice(0, SHOWN) }),
    async () => {
      const after = await look(new Node(ctx.runner, name), before.pods);
      return after === undefined ? ['containerd does not answer'] : changesBetween(before, after);
    },
    (different) => different.length === 0,
    { patienceMs: COLLECTED_MS },
  );
}
