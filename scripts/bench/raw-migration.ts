import { Node } from '../lib/cluster/node.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import { type Context, forCleanup } from '../lib/core/context.js';
import { until } from '../lib/core/until.js';
import { longestGap, parseTicks, type Tick } from '../workloads/ballast.js';

/** On the same disk as containerd's own folders. */
const FOLDER = '/var/lib/bench-migrate';
const RUNC = 'runc --root /run/bench-migrate';
/** Where containerd has the root file system of a container. */
const rootfs = (id: string): string => `/run/containerd/io.containerd.runtime.v2.task/k8s.io/${id}/rootfs`;
/** Seconds on its own clock that a process must go on to count as running. */
const GOES_ON_SECONDS = 1;

/** A ballast that runc alone runs in a node, without containerd and Kubernetes. */
export interface RawBallast {
  readonly node: string;
  readonly name: string;
}

/** What a new process of runc's prints goes on in the same file. */
const INTO_LOG = '</dev/null > >(exec cat >> log 2>/dev/null) 2>&1';

/**
 * Makes a ballast of runc's in a node, with the program out of a pod that runs there, and returns when its memory is filled. One that an
 * earlier run has left is removed.
 */
export async function makeRawBallast(ctx: Context, of: Pick<RunningContainer, 'node' | 'id'>, mebibytes: number): Promise<RawBallast> {
  const raw = { node: of.node, name: `raw-${mebibytes}` };
  await dropRawBallasts(ctx, [raw]);
  // Without rlimits, as the nodes' own containers; a cgroup namespace cannot be dumped on cgroup v1.
  const configured = [
    '.process.terminal = false',
    '.process.args = ["/ballast", $mebibytes]',
    '.root.readonly = false',
    'del(.process.rlimits, .process.oomScoreAdj)',
    '.linux.namespaces |= map(select(.type != "cgroup"))',
  ].join(' | ');
  await bash(ctx, raw.node, [
    `mkdir -p ${FOLDER}/${raw.name}/bundle/rootfs; cd ${FOLDER}/${raw.name}`,
    `cp ${rootfs(of.id)}/ballast bundle/rootfs/`,
    `(cd bundle; runc spec; jq --arg mebibytes ${mebibytes} '${configured}' config.json > changed; mv changed config.json)`,
    `${RUNC} run --detach --bundle bundle ${raw.name} ${INTO_LOG}`,
  ]);
  await until(
    ctx,
    `the process of ${raw.name} fills its memory`,
    () => readTicks(ctx, raw),
    (ticks) => ticks.length > 0,
  );
  return raw;
}

/**
 * Dumps a process into a folder and restores it out of that, by runc alone.
 * @returns the longest time that the process did not run, by its own clock, seconds
 */
export async function rawMigration(ctx: Context, raw: RawBallast): Promise<number> {
  // What the one before has left to be written must not slow this one down.
  await bash(ctx, raw.node, ['sync']);
  const since = (await readTicks(ctx, raw)).at(-1)?.at ?? 0;
  const folder = `${FOLDER}/${raw.name}`;
  // Absolute: runc restore goes into the bundle first.
  const folders = `--image-path ${folder}/image --work-path ${folder}/work`;
  try {
    await bash(ctx, raw.node, [
      `cd ${folder}`,
      `${RUNC} checkpoint ${folders} ${raw.name} && ${RUNC} restore --detach ${folders} --bundle bundle ${raw.name} ${INTO_LOG}`,
    ]);
    const first = (await readTicks(ctx, raw)).at(-1)?.at ?? since;
    const seen = await until(
      ctx,
      `the process of ${raw.name} goes on`,
      () => readTicks(ctx, raw),
      (ticks) => (ticks.at(-1)?.at ?? 0) > first + GOES_ON_SECONDS,
    );
    return longestGap(seen, since);
  } finally {
    await bash(forCleanup(ctx), raw.node, [`rm -rf ${folder}/image ${folder}/work`]);
  }
}

/** Removes such ballasts, also those that are not there. */
export async function dropRawBallasts(ctx: Context, all: readonly RawBallast[]): Promise<void> {
  const later = forCleanup(ctx);
  for (const { node, name } of all)
    await bash(later, node, [`${RUNC} delete --force ${name} 2>/dev/null || true`, `rm -rf ${FOLDER}/${name}`, `rmdir ${FOLDER} || true`]);
}

async function readTicks(ctx: Context, { node, name }: RawBallast): Promise<Tick[]> {
  const { stdout } = await new Node(ctx.runner, node).run(['cat', `${FOLDER}/${name}/log`]);
  return parseTicks(stdout);
}

async function bash(ctx: Context, node: string, lines: readonly string[]): Promise<void> {
  await new Node(ctx.runner, node).run(['bash', '-c', ['set -o errexit', ...lines].join('\n')], { failure: 'runc does not do it' });
}
