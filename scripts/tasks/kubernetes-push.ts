import { existsSync } from 'node:fs';
import path from 'node:path';
import { goBuild } from '../lib/build/go.js';
import { clusterFlags, clusterOptions } from '../lib/cli/cluster-flags.js';
import { table } from '../lib/cli/table.js';
import { task } from '../lib/cli/task.js';
import { kubernetesNodes, Node, type NodeContainer } from '../lib/cluster/node.js';
import { DEFAULT_PATIENCE_MS, deployedSha256, importImages, placeOf, type Swap, swapFor, swapIn } from '../lib/cluster/swap.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import { holdLock } from '../lib/core/lock.js';
import { forks } from '../lib/forks/fork.js';
import {
  allKubernetesPrograms,
  chosenSource,
  type KubernetesProgram,
  type KubernetesSource,
  kubernetesBuild,
} from '../lib/forks/kubernetes.js';
import { treeOf } from '../lib/forks/tree.js';
import { networkToolsTar } from '../steps/network-tools.js';

export default task({
  name: 'kubernetes:push',
  summary: 'Builds what changed in Kubernetes and swaps it into the running cluster.',
  manual: [
    'It builds the editable tree (fork:edit) when there is one, else the pin and its patches. Each program is compared with the one that',
    'runs, and only what differs is swapped: static pods through their manifest, kube-proxy through its daemon set, the kubelet with a',
    `restart. Programs: ${allKubernetesPrograms.join(', ')}.`,
  ],
  flags: {
    name: clusterFlags.name,
    kubernetes: { ...clusterFlags.kubernetes, help: 'build this Kubernetes checkout instead' },
    patience: {
      type: 'string',
      value: 'SECONDS',
      help: 'how long a program may take to be healthy before the old one is put back (default: 120)',
    },
  },
  words: '[PROGRAM…]',
  options: clusterOptions,
  async run({ flags, words, ctx, print, printJson }) {
    const patienceMs = flags.patience === undefined ? DEFAULT_PATIENCE_MS : Number(flags.patience) * 1000;
    if (!(patienceMs > 0)) throw new UsageError(`--patience: ${flags.patience ?? ''} is not a number of seconds`);
    const programs = words.length === 0 ? allKubernetesPrograms : words.map(programNamed);
    const nodes = await kubernetesNodes(ctx, ctx.options.clusterName);
    if (nodes.length === 0) throw new UsageError(`there is no cluster ${ctx.options.clusterName}`, { hint: 'npm run cluster:up' });
    const release = await holdLock(path.join(ctx.paths.locks, 'push'), ctx);
    try {
      const source = sourceOf(ctx);
      const start = ctx.clock.now();
      const folder = path.join(ctx.paths.build, 'push');
      ctx.say(`building ${programs.join(', ')} from ${describe(ctx, source)}`);
      await goBuild(ctx, { ...(await kubernetesBuild(ctx, source, programs, folder)), inPlace: true });
      const built = secondsSince(ctx.clock, start);
      const rows = await swapChanged(ctx, nodes, await changedPrograms(ctx, nodes, programs, folder), patienceMs);
      const seconds = secondsSince(ctx.clock, start);
      print(
        table(
          ['program', 'swapped as', 'seconds'],
          rows.map((row) => [row.program, row.place, row.seconds.toFixed(1)]),
        ),
      );
      print(
        rows.length === 0
          ? `nothing has changed (${seconds.toFixed(1)} s)`
          : `live after ${seconds.toFixed(1)} s, of which ${built.toFixed(1)} s for go build`,
      );
      printJson({ source: source.kind, swapped: rows.map((row) => ({ ...row })), buildSeconds: built, seconds });
      return undefined;
    } finally {
      await release();
    }
  },
});

function programNamed(word: string): KubernetesProgram {
  const found = allKubernetesPrograms.find((name) => name === word);
  if (found === undefined)
    throw new UsageError(`${word} is no program of Kubernetes`, { hint: `Programs: ${allKubernetesPrograms.join(', ')}` });
  return found;
}

function sourceOf(ctx: Context): KubernetesSource {
  const tree = treeOf(ctx, forks.kubernetes);
  return ctx.options.kubernetes === undefined && existsSync(tree) ? { kind: 'tree', tree } : chosenSource(ctx);
}

function describe(ctx: Context, source: KubernetesSource): string {
  if (source.kind === 'pin') return 'the pin and its patches';
  return path.relative(ctx.paths.root, source.kind === 'tree' ? source.tree : source.checkout) || '.';
}

/** Those of the programs built in a folder that the nodes do not run yet. */
async function changedPrograms(
  ctx: Context,
  nodes: readonly NodeContainer[],
  programs: readonly KubernetesProgram[],
  folder: string,
): Promise<Swap[]> {
  const changed: Swap[] = [];
  for (const name of programs) {
    const swap = await swapFor(name, folder);
    if (!(await runsEverywhere(ctx, nodes, swap))) changed.push(swap);
  }
  return changed;
}

/** A program that was swapped in, and how long that took. */
interface Swapped {
  readonly program: string;
  readonly place: string;
  readonly seconds: number;
}

async function swapChanged(
  ctx: Context,
  nodes: readonly NodeContainer[],
  changed: readonly Swap[],
  patienceMs: number,
): Promise<Swapped[]> {
  await importImages(ctx, nodes, changed, (name) => (name === 'kube-proxy' ? [networkToolsTar(ctx.paths.build)] : []));
  const swapped: Swapped[] = [];
  for (const swap of changed) {
    const began = ctx.clock.now();
    ctx.say(`swapping ${swap.name}`);
    await swapIn(ctx, nodes, swap, patienceMs);
    swapped.push({ program: swap.name, place: placeOf(swap.name), seconds: secondsSince(ctx.clock, began) });
  }
  return swapped;
}

async function runsEverywhere(ctx: Context, nodes: readonly NodeContainer[], swap: Swap): Promise<boolean> {
  const targets = placeOf(swap.name) === 'static pod' ? nodes.filter(({ role }) => role === 'control-plane') : nodes;
  const deployed = await Promise.all(targets.map(({ name }) => deployedSha256(new Node(ctx.runner, name), swap.name)));
  return deployed.every((sha256) => sha256 === swap.sha256);
}
