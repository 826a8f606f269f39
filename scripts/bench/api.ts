import { kubeletRoute, subresourceRoute } from '../checkpoint/routes.js';
import { kubeletUrl } from '../lib/cluster/kubelet.js';
import { findContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { applyAnew, counterManifest, countsPast } from '../workloads/counter-pod.js';
import type { Benchmark } from './figures.js';
import { timedRequest } from './request.js';

const POD = 'counter2';
const CONTAINER = 'counter-container';
const ROUNDS = 20;

/**
 * Compares a checkpoint through the API with the same request straight at the kubelet: both from the node, with the same
 * certificate and the same client, by turns.
 */
export async function benchApi(ctx: Context): Promise<Benchmark> {
  await applyAnew(ctx, await counterManifest(ctx, 'counter2-pod.yaml'), POD);
  await countsPast(ctx, POD, CONTAINER, 2);
  const container = await findContainer(ctx, 'default', POD, CONTAINER);
  const kubelet = kubeletUrl(`${kubeletRoute(container)}?timeout=600`);
  const api = `https://localhost:6443${subresourceRoute(container)}?container=${CONTAINER}`;
  const measured: number[] = [];
  const baseline: number[] = [];
  // One of each to warm up: connections, caches.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [address, seconds] of [
      [kubelet, baseline],
      [api, measured],
    ] as const) {
      const took = await timedRequest(ctx, container, address);
      if (round >= 0) seconds.push(took);
    }
  }
  return {
    figures: [{ name: 'checkpoint through the API', measured, baseline, goal: 1.1, against: 'the same request straight at the kubelet' }],
  };
}
