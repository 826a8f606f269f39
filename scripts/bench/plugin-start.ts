import path from 'node:path';
import * as z from 'zod';
import { archiveOf } from '../checkpoint/answer.js';
import { APART_MS } from '../checkpoint/checkpoint.js';
import { subresourceRoute } from '../checkpoint/routes.js';
import { DEFAULT_TIMEOUT_SECONDS } from '../checkpoint/timeout.js';
import { openAdmin } from '../lib/cluster/admin.js';
import { curl } from '../lib/cluster/curl.js';
import { kubeContext } from '../lib/cluster/kubectl.js';
import { Node } from '../lib/cluster/node.js';
import { findContainer } from '../lib/cluster/pod.js';
import { type Context, secondsSince } from '../lib/core/context.js';
import { applyAnew, counterManifest, countsPast } from '../workloads/counter-pod.js';
import type { Figure } from './figures.js';

const POD = 'counter2';
const CONTAINER = 'counter-container';
const ROUNDS = 10;
const madeSchema = z.object({ archive: z.string() });
/** How much longer than the bare request `kubectl checkpoint POD` may take, seconds. */
const OVERHEAD_SECONDS = 0.5;
/** How long `kubectl checkpoint ls` may take for one node, seconds. */
const LIST_SECONDS = 1;

/**
 * What `kubectl checkpoint` takes beyond the work itself, on a cluster with one node: a checkpoint against the same POST by curl, by
 * turns, with the same certificate; and a listing against the time that it may take.
 */
export async function pluginStart(ctx: Context): Promise<Figure[]> {
  await applyAnew(ctx, await counterManifest(ctx, 'counter2-pod.yaml'), POD);
  await countsPast(ctx, POD, CONTAINER, 2);
  const container = await findContainer(ctx, 'default', POD, CONTAINER);
  const node = new Node(ctx.runner, container.node);
  const admin = await openAdmin(ctx);
  try {
    const query = `container=${CONTAINER}&timeout=${DEFAULT_TIMEOUT_SECONDS}`;
    const request = ['--request', 'POST', ...admin.asAdmin, `${admin.server}${subresourceRoute(container)}?${query}`];
    const taken = { bare: [] as number[], plugin: [] as number[], list: [] as number[] };
    // One of each to warm up.
    for (let round = -1; round < ROUNDS; round++) {
      const bare = await timed(ctx, () => curl(ctx, request));
      await ctx.clock.sleep(APART_MS, ctx.signal);
      const made = await timed(ctx, () => plugin(ctx, [POD, '--json']));
      const list = await timed(ctx, () => plugin(ctx, ['ls']));
      await node.remove(archiveOf(bare.result), madeSchema.parse(JSON.parse(made.result)).archive);
      if (round < 0) continue;
      taken.bare.push(bare.seconds);
      taken.plugin.push(made.seconds);
      taken.list.push(list.seconds);
    }
    return figuresOf(taken);
  } finally {
    await admin.close();
  }
}

function figuresOf({ bare, plugin: made, list }: Readonly<Record<'bare' | 'plugin' | 'list', readonly number[]>>): Figure[] {
  return [
    {
      name: 'kubectl checkpoint POD',
      measured: made,
      baseline: bare.map((seconds) => seconds + OVERHEAD_SECONDS),
      goal: 1,
      against: `the same POST by curl, and ${OVERHEAD_SECONDS} s`,
    },
    { name: 'kubectl checkpoint ls, one node', measured: list, baseline: [LIST_SECONDS], goal: 1, against: 'a second' },
  ];
}

/** `kubectl checkpoint`, as people call it. @returns what it printed */
async function plugin(ctx: Context, words: readonly string[]): Promise<string> {
  // kubectl takes no flags of its own before a plugin's name.
  const context = ['--context', kubeContext(ctx.options.clusterName)];
  return (await ctx.runner.run(path.join(ctx.paths.bin, 'kubectl'), ['checkpoint', ...words, ...context])).stdout;
}

async function timed<T>(ctx: Context, act: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const start = ctx.clock.now();
  const result = await act();
  return { result, seconds: secondsSince(ctx.clock, start) };
}
