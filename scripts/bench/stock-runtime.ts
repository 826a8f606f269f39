import { askKubelet } from '../lib/cluster/kubelet.js';
import { onNode } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { until } from '../lib/core/until.js';

const INSTALLED = '/usr/local/bin/containerd';
const STOCK = '/opt/stock-containerd';

/** Brings a containerd without patches to a node, beside the one that runs. */
export async function bringStock(ctx: Context, node: string, program: string): Promise<void> {
  await ctx.runner.run('docker', ['cp', '--quiet', program, `${node}:${STOCK}`]);
  await onNode(ctx, node, ['chmod', '0755', STOCK]);
}

/**
 * Does something while a node runs containerd without patches, with the same pods: they live on, for their shims do. Ours comes back
 * whatever happens; a node that is restarted in the middle has it as well, for nothing is written over.
 */
export async function withStock<T>(ctx: Context, node: string, act: () => Promise<T>): Promise<T> {
  await onNode(ctx, node, ['mount', '--bind', STOCK, INSTALLED]);
  try {
    await restart(ctx, node);
    return await act();
  } finally {
    const later: Context = { ...ctx, runner: ctx.cleanupRunner, signal: new AbortController().signal };
    // Lazily: the program is at work.
    await onNode(later, node, ['umount', '--lazy', INSTALLED]);
    await restart(later, node);
  }
}

/** Returns when the kubelet reaches the restarted containerd. */
async function restart(ctx: Context, node: string): Promise<void> {
  await onNode(ctx, node, ['systemctl', 'restart', 'containerd']);
  await until(
    ctx,
    `the kubelet of ${node} reaches containerd`,
    () => askKubelet(ctx, { node }, 'GET', '/runningpods/'),
    ({ status }) => status === 200,
  );
}

/** Version of the containerd that runs in a node, e.g. `v2.0.0+checkpoint`. */
export async function runtimeVersion(ctx: Context, node: string): Promise<string> {
  const { stdout } = await onNode(ctx, node, ['sh', '-c', "ctr version | sed -n '/^Server:/,$ s/^ *Version: *//p'"]);
  return stdout;
}
