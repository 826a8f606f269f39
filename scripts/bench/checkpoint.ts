import { kubeletRoute } from '../checkpoint/routes.js';
import { kubeletUrl } from '../lib/cluster/kubelet.js';
import { controlPlane, Node } from '../lib/cluster/node.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { type Ballasts, clockOf, dropBallast, makeBallasts, runsOn, SIZE_NAMES } from '../workloads/ballast.js';
import type { Benchmark } from './figures.js';
import { figuresOf, reportOf, type Sample, type Way } from './report.js';
import { timedRequest } from './request.js';
import { bringStock, runtimeVersion, withStock } from './stock-runtime.js';

const ROUNDS = 5;
/** Where runc keeps the state of the CRI's containers. */
const RUNC = 'runc --root /run/containerd/runc/k8s.io';
/** On the same disk as containerd's own folders. */
const DUMP = '/var/lib/bench-checkpoint';

/**
 * Measures how long a checkpoint takes, and how long its container stands still: by runc alone, by containerd without patches, and by
 * ours. On the same pods, by turns.
 * @param stock the program of containerd without patches
 * @returns the figures, and all samples
 */
export async function benchCheckpoint(ctx: Context, stock: string): Promise<Benchmark & { samples: readonly Sample[] }> {
  const node = await controlPlane(ctx);
  const samples: Sample[] = [];
  try {
    const pods = await makeBallasts(ctx, node);
    await expectRuntime(ctx, node, true);
    await bringStock(new Node(ctx.runner, node), stock);
    for (let round = 0; round < ROUNDS; round++) {
      ctx.say(`round ${round + 1} of ${ROUNDS}`);
      const take = async (...ways: readonly Way[]): Promise<void> => {
        for (const size of SIZE_NAMES) for (const way of ways) samples.push({ way, size, ...(await sample(ctx, pods[size], way)) });
      };
      await warmUp(ctx, pods);
      // Neither comes first every time.
      await (round % 2 === 0 ? take('runc', 'ours', 'pause') : take('ours', 'runc', 'pause'));
      await withStock(ctx, node, async () => {
        await expectRuntime(ctx, node, false);
        await warmUp(ctx, pods);
        await take('stock');
      });
      await expectRuntime(ctx, node, true);
    }
  } finally {
    await dropBallast(ctx);
  }
  return { figures: figuresOf(samples), report: reportOf(samples), samples };
}

/** One checkpoint, or one pause: how long it took and how long the process stood still by its own clock, seconds. */
async function sample(ctx: Context, container: RunningContainer, way: Way): Promise<{ call: number; frozen: number }> {
  // What the one before has left to be written must not slow this one down.
  await new Node(ctx.runner, container.node).run(['sync']);
  const since = await clockOf(ctx, container);
  const call = await commandBy(ctx, container, way);
  return { call, frozen: await runsOn(ctx, container, since) };
}

function commandBy(ctx: Context, container: RunningContainer, way: Way): Promise<number> {
  const node = new Node(ctx.runner, container.node);
  switch (way) {
    case 'runc':
      return timedIn(node, `${RUNC} checkpoint --leave-running --image-path ${DUMP}/image --work-path ${DUMP} ${container.id}`);
    case 'pause':
      return timedIn(node, `${RUNC} pause ${container.id} && ${RUNC} resume ${container.id}`);
    case 'stock':
    case 'ours':
      return timedRequest(ctx, container, kubeletUrl(`${kubeletRoute(container)}?timeout=600`));
  }
}

/** Runs a command in a node, with a folder for a dump. @returns seconds that it took there */
async function timedIn(node: Node, command: string): Promise<number> {
  const script = [
    `mkdir -p ${DUMP}; start=$EPOCHREALTIME`,
    `${command} >&2; code=$?`,
    `end=$EPOCHREALTIME; rm -rf ${DUMP}`,
    'awk "BEGIN {print $end - $start}"; exit $code',
  ].join('; ');
  const { stdout } = await node.run(['bash', '-c', script], { failure: 'runc does not do it' });
  return Number(stdout);
}

/** The first call of a containerd looks for CRIU, and reads its own program from the disk. */
async function warmUp(ctx: Context, { small }: Ballasts): Promise<void> {
  await commandBy(ctx, small, 'ours');
}

/** What is measured must be what is meant. */
async function expectRuntime(ctx: Context, node: string, patched: boolean): Promise<void> {
  const version = await runtimeVersion(new Node(ctx.runner, node));
  if (version.includes('+checkpoint') !== patched)
    throw new ToolkitError(`containerd of ${node} is not the one to be measured`, {
      details: [`it is ${version}`],
      hint: `When a benchmark was killed: docker restart ${node}, then npm run cluster:up`,
    });
}
