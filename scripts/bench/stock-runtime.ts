import { askKubelet } from '../lib/cluster/kubelet.js';
import { Node } from '../lib/cluster/node.js';
import { type Context, forCleanup } from '../lib/core/context.js';
import { until } from '../lib/core/until.js';

const INSTALLED = '/usr/local/bin/containerd';
const STOCK = '/opt/stock-containerd';

/** Brings a containerd without patches to a node, beside the one that runs. */
export async function bringStock(node: Node, program: string): Promise<void> {
  await node.send(program, STOCK);
  await node.run(['chmod', '0755', STOCK]);
}

/**
 * Does something while a node runs containerd without patches, with the same pods: they live on, for their shims do. Ours comes back
 * whatever happens; a node that is restarted in the middle has it as well, for nothing is written over.
 */
export async function withStock<T>(ctx: Context, node: string, act: () => Promise<T>): Promise<T> {
  await new Node(ctx.runner, node).run(['mount', '--bind', STOCK, INSTALLED]);
  try {
    await restart(ctx, node);
    return await act();
  } finally {
    const later = forCleanup(ctx);
    // Lazily: the program is at work.
    await new Node(later.runner, node).run(['umount', '--lazy', INSTALLED]);
    await restart(later, node);
  }
}

/** Returns when the kubelet reaches the restarted containerd. */
async function restart(ctx: Context, node: string): Promise<void> {
  await new Node(ctx.runner, node).run(['systemctl', 'restart', 'containerd']);
  await until(
    ctx,
    `the kubelet of ${node} reaches containerd`,
    () => askKubelet(ctx, { node }, 'GET', '/runningpods/'),
    ({ status }) => status === 200,
  );
}

/** Version of the containerd that runs in a node, e.g. `v2.0.0+checkpoint`. */
export async function runtimeVersion(node: Node): Promise<string> {
  const { stdout } = await node.run(['sh', '-c', "ctr version | sed -n '/^Server:/,$ s/^ *Version: *//p'"]);
  return stdout;
}
