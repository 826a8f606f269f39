import type { Figure } from './bench.js';
import { lookBefore, tidyUp } from './checkpoint-care.js';
import type { Context } from './context.js';
import { applyAnew, counterManifest, countsPast } from './counter-pod.js';
import { ToolkitError } from './errors.js';
import { onNode } from './node.js';
import { findContainer, type RunningContainer } from './pod.js';

const POD = 'counter2';
const CONTAINER = 'counter-container';
const ROUNDS = 20;
/** Archives are named by the second. Milliseconds. */
const APART = 1100;
const PKI = '/etc/kubernetes/pki';

/**
 * Compares a checkpoint through the API with the same request straight at the kubelet: both from the node, with the same
 * certificate and the same client, by turns.
 */
export async function benchApi(ctx: Context): Promise<Figure> {
  await applyAnew(ctx, await counterManifest(ctx, 'counter2-pod.yaml'), POD);
  await countsPast(ctx, POD, CONTAINER, 2);
  const container = await findContainer(ctx, 'default', POD, CONTAINER);
  const kubelet = `https://localhost:10250/checkpoint/default/${POD}/${CONTAINER}?timeout=600`;
  const api = `https://localhost:6443/api/v1/namespaces/default/pods/${POD}/checkpoint?container=${CONTAINER}`;
  const measured: number[] = [];
  const baseline: number[] = [];
  // One of each to warm up: connections, caches.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [address, seconds] of [
      [kubelet, baseline],
      [api, measured],
    ] as const) {
      const took = await timed(ctx, container, address);
      if (round >= 0) seconds.push(took);
    }
  }
  return { name: 'checkpoint through the API', measured, baseline, goal: 1.1, against: 'the same request straight at the kubelet' };
}

/** One request, from the node. @returns seconds, as curl counts them */
async function timed(ctx: Context, container: RunningContainer, address: string): Promise<number> {
  const before = await lookBefore(ctx, container);
  const { stdout } = await onNode(ctx, container.node, [
    'curl',
    '--silent',
    '--show-error',
    '--request',
    'POST',
    '--insecure',
    '--cert',
    `${PKI}/apiserver-kubelet-client.crt`,
    '--key',
    `${PKI}/apiserver-kubelet-client.key`,
    '--write-out',
    '\\n%{http_code} %{time_total}',
    address,
  ]);
  const [body = '', end = ''] = stdout.split('\n');
  const [status = '', seconds = ''] = end.split(' ');
  if (status !== '200') throw new ToolkitError(`${address} answered ${status}`, { details: [body] });
  await tidyUp(ctx, container, before);
  const archive = /"(\/[^"]+\.tar)"/.exec(body)?.[1];
  if (archive !== undefined) await onNode(ctx, container.node, ['rm', '-f', archive]);
  await ctx.clock.sleep(APART, ctx.signal);
  return Number(seconds);
}
