import { kubernetesNodes } from '../lib/cluster/node.js';
import { expectSameState, type NodeState, nodeState } from '../lib/cluster/node-state.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { dropBallast, makeBallast } from '../workloads/ballast.js';
import type { Benchmark } from './figures.js';
import { type MigrationSample, MOVED, MOVED_SIZES, type MovedSize, migrationFigures, migrationReport } from './migrate-report.js';
import { ourMigration } from './our-migration.js';
import { dropRawBallasts, makeRawBallast, type RawBallast, rawMigration } from './raw-migration.js';

const ROUNDS = 5;
const podOf = (size: MovedSize): string => `moving-${size.toLowerCase().replaceAll(' ', '-')}`;

/** What is measured: the pod, wherever it is by now, and the process of runc's. */
interface Pair {
  container: RunningContainer;
  readonly raw: RawBallast;
}

/**
 * Measures how long a process stands still when its pod moves to another node, against runc alone on one node; the same program, by turns.
 * @returns the figures, and all samples
 */
export async function benchMigrate(ctx: Context): Promise<Benchmark & { samples: readonly MigrationSample[] }> {
  const nodes = await twoNodes(ctx);
  const before = await Promise.all(nodes.map((name) => nodeState(ctx, name, [])));
  const samples: MigrationSample[] = [];
  const pairs = new Map<MovedSize, Pair>();
  try {
    for (const size of MOVED_SIZES) pairs.set(size, await makePair(ctx, size, nodes[0]));
    for (let round = 0; round < ROUNDS; round++) {
      ctx.say(`round ${round + 1} of ${ROUNDS}`);
      for (const [size, pair] of pairs) {
        // Neither comes first every time.
        const turns = round % 2 === 0 ? (['raw', 'ours'] as const) : (['ours', 'raw'] as const);
        for (const way of turns) samples.push({ way, size, ...(await sample(ctx, pair, way, nodes)) });
      }
    }
  } finally {
    await dropRawBallasts(
      ctx,
      [...pairs.values()].map(({ raw }) => raw),
    );
    await dropBallast(ctx, [...new Set([...MOVED_SIZES.map(podOf), ...[...pairs.values()].map(({ container }) => container.pod)])]);
  }
  const left = await leftOn(ctx, nodes, before);
  return { figures: migrationFigures(samples), report: migrationReport(samples, left), samples };
}

/** Workers where there are enough, for a control plane has work of its own. @throws ToolkitError when the cluster has one node */
async function twoNodes(ctx: Context): Promise<readonly [string, string]> {
  const all = await kubernetesNodes(ctx, ctx.options.clusterName);
  const sorted = [...all.filter(({ role }) => role === 'worker'), ...all.filter(({ role }) => role !== 'worker')];
  const [first, second] = sorted.map(({ name }) => name);
  if (first === undefined || second === undefined)
    throw new ToolkitError(`cluster ${ctx.options.clusterName} has one node, and a migration needs two`, {
      hint: 'npm run bench -- migrate --name two --config cluster/two-workers.yaml',
    });
  return [first, second];
}

async function makePair(ctx: Context, size: MovedSize, node: string): Promise<Pair> {
  const { mebibytes } = MOVED[size];
  const container = await makeBallast(ctx, podOf(size), mebibytes, node);
  return { container, raw: await makeRawBallast(ctx, container, mebibytes) };
}

type Measured = Omit<MigrationSample, 'way' | 'size'>;

async function sample(ctx: Context, pair: Pair, way: MigrationSample['way'], nodes: readonly [string, string]): Promise<Measured> {
  if (way === 'raw') return { frozen: await rawMigration(ctx, pair.raw) };
  const to = pair.container.node === nodes[0] ? nodes[1] : nodes[0];
  const { container, ...measured } = await ourMigration(ctx, pair.container, to);
  pair.container = container;
  return measured;
}

/** What the migrations have left on the nodes, a line each. Other pods and what belongs to them do not count. */
async function leftOn(ctx: Context, nodes: readonly string[], before: readonly NodeState[]): Promise<string[]> {
  const found: string[] = [];
  for (const [index, name] of nodes.entries()) {
    const state = before[index];
    if (state === undefined) continue;
    try {
      await expectSameState(ctx, name, state);
    } catch (error) {
      if (!(error instanceof ToolkitError)) throw error;
      found.push(...error.details.map((line) => `${name}: ${line}`));
    }
  }
  return found;
}
