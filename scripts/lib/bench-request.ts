import { APART } from './checkpoint.js';
import { archiveOf } from './checkpoint-answer.js';
import { lookBefore, tidyUp } from './checkpoint-care.js';
import type { Context } from './context.js';
import { asApiServer } from './kubelet.js';
import { onNode } from './node.js';
import { removeArchive } from './node-archive.js';
import type { RunningContainer } from './pod.js';

/**
 * One request for a checkpoint, from the node, with the API server's certificate. The archive and what the runtime left are removed.
 * @returns seconds from the request to its answer, as curl counts them
 */
export async function timedRequest(ctx: Context, container: RunningContainer, address: string): Promise<number> {
  const before = await lookBefore(ctx, container);
  const { stdout } = await onNode(ctx, container.node, [
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
  await tidyUp(ctx, container, before);
  await removeArchive(ctx, { archive, node: container.node });
  await ctx.clock.sleep(APART, ctx.signal);
  return Number(seconds);
}
