import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { goBuild } from '../lib/build/go.js';
import { nodeContainers } from '../lib/cluster/node.js';
import { importImages, swapFor, swapIn } from '../lib/cluster/swap.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { makeFolder } from '../lib/core/files.js';
import { median } from '../lib/core/median.js';
import { forks } from '../lib/forks/fork.js';
import { kubernetesBuild } from '../lib/forks/kubernetes.js';
import { editFork } from '../lib/forks/tree.js';
import type { Benchmark, Figure } from './figures.js';

const FILE = 'pkg/registry/core/pod/rest/checkpoint.go';
const LINE = 'did not respond within';
const ROUNDS = 3;
/** What swapping may add to the compiler's time, seconds, and the factor on that time. */
const ALLOWED = { factor: 1.3, seconds: 20 };

/**
 * Measures how long a changed line of the API server's checkpoint code takes to answer in the cluster, against the bare
 * `go build` of the same change. In a tree of its own: the developer's is left alone.
 */
export async function benchPush(ctx: Context): Promise<Benchmark> {
  const trees = await makeFolder(ctx.paths.cache, 'bench-');
  try {
    const own: Context = { ...ctx, paths: { ...ctx.paths, tree: (name) => path.join(trees, name) } };
    const { tree } = await editFork(own, forks.kubernetes);
    const edit = await editor(tree);
    const folder = path.join(trees, 'out');
    await mkdir(folder);
    const build = async (): Promise<number> => {
      const recipe = { ...(await kubernetesBuild(own, { kind: 'tree', tree }, ['kube-apiserver'], folder)), inPlace: true };
      // The compiler alone: laying out is the toolkit's.
      const start = ctx.clock.now();
      await goBuild(own, recipe);
      return secondsSince(ctx.clock, start);
    };
    const nodes = (await nodeContainers(ctx, ctx.options.clusterName)).filter(({ role }) => role === 'control-plane');
    const live = async (): Promise<number> => {
      const start = ctx.clock.now();
      await build();
      const swap = await swapFor('kube-apiserver', folder);
      await importImages(own, nodes, [swap], () => []);
      await swapIn(own, nodes, swap);
      return secondsSince(ctx.clock, start);
    };
    await edit();
    await build();
    const measured: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await edit();
      bare.push(await build());
      await edit();
      measured.push(await live());
    }
    return { figures: [figureOf(measured, bare)] };
  } finally {
    await rm(trees, { recursive: true, force: true });
  }
}

/** What changes the line in a tree, each time to another text. @throws ToolkitError when the line is not there */
async function editor(tree: string): Promise<() => Promise<void>> {
  const file = path.join(tree, FILE);
  const source = await readFile(file, 'utf8');
  if (!source.includes(LINE)) throw new ToolkitError(`${FILE} does not hold the line that the benchmark changes`);
  let change = 0;
  return () => writeFile(file, source.replace(LINE, `${LINE} (change ${++change} of ${process.pid})`));
}

/** @param measured seconds until a change was live @param bare seconds that the compiler alone took */
function figureOf(measured: readonly number[], bare: readonly number[]): Figure {
  const allowed = ALLOWED.factor * median(bare) + ALLOWED.seconds;
  return {
    name: 'a changed line of the API server, live in the cluster',
    measured,
    baseline: bare.map(() => allowed),
    goal: 1,
    against: `${ALLOWED.factor} × the bare go build (${median(bare).toFixed(1)} s) + ${ALLOWED.seconds} s`,
  };
}
