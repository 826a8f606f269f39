import { archiveFolder } from '../../lib/cluster/kubelet.js';
import { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';

/** Where a checkpoint may put bytes on its node. */
const PLACES = [
  '/var/lib/containerd/io.containerd.grpc.v1.cri',
  '/var/lib/containerd/io.containerd.content.v1.content',
  '/var/lib/containerd/tmpmounts',
  archiveFolder,
  '/tmp',
];
const END = '/run/stop-sampling';

/**
 * Does something while the bytes in the places of checkpoints on a node are counted, over and over.
 * @returns what was done gave, and by how much the bytes on the disk grew at most
 */
export async function peakOf<T>(ctx: Context, name: string, act: () => Promise<T>): Promise<{ value: T; peak: number }> {
  const node = new Node(ctx.runner, name);
  // Counted once before anything is done: that line is what it grows from.
  const count = `du --summarize --total --block-size=1 ${PLACES.join(' ')} 2>/dev/null | tail -n 1 | cut -f 1`;
  const sampling = node.run(['sh', '-c', `until [ -e ${END} ]; do ${count}; sleep 0.02; done; rm -f ${END}`]);
  const first = Number((await node.run(['sh', '-c', count])).stdout);
  let value: T;
  try {
    value = await act();
  } finally {
    await new Node(ctx.cleanupRunner, name).run(['touch', END]);
  }
  const samples = (await sampling).stdout.split('\n').map(Number);
  if (samples.length < 10) throw new ToolkitError(`only ${samples.length} samples of the disk`);
  return { value, peak: Math.max(...samples) - first };
}
