import { archiveOf } from '../checkpoint/answer.js';
import { APART_MS } from '../checkpoint/checkpoint.js';
import { cleanUpAfterSuccess, look } from '../checkpoint/cleanup.js';
import { asApiServer } from '../lib/cluster/kubelet.js';
import { Node } from '../lib/cluster/node.js';
import type { RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';

/**
 * One request for a checkpoint, from the node, with the API server's certificate. The archive and what the runtime left are removed.
 * @returns seconds from the request to its answer, as curl counts them
 */
export async function timedRequest(ctx: Context, container: RunningContainer, address: string): Promise<number> {
  const node = new Node(ctx.runner, container.node);
  const before = await look(ctx, container);
  const { stdout } = await node.run([
    'curl',
    '--silent',
    '--show-error',
    '--request',
    'POST',
    ...asApiServer,
    '--write-out',
    '\\n%{http_code} %{time_total}',
    address,
  ]);
  const [body = '', end = ''] = stdout.split('\n');
  const [status = '', seconds = ''] = end.split(' ');
  const archive = archiveOf({ status: Number(status), body });
  await cleanUpAfterSuccess(ctx, container, before, await look(ctx, container));
  await node.remove(archive);
  await ctx.clock.sleep(APART_MS, ctx.signal);
  return Number(seconds);
}
