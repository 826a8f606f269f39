import type { Context } from '../../lib/core/context.js';
import { expectSame, ToolkitError } from '../../lib/core/errors.js';
import { type Count, readCount, untilPast } from '../../workloads/counter.js';
import { logOf } from './pods.js';

/** Waits until a counter has got past a number, with all numbers from 0 on in its log: a gap, a repeat or a fresh start shows there. */
export async function countsOnPast(
  ctx: Context,
  name: string,
  number: number,
  which = 'main',
  read: (output: string) => Count = readCount,
): Promise<Count> {
  const count = await untilPast(
    ctx,
    number,
    () => logOf(ctx, name, which),
    (last) => new ToolkitError(`the counter of pod ${name} has not got past ${number}`, { details: [`it stands at ${last}`] }),
    read,
  );
  expectSame(count.first, 0, 'first number of the log');
  return count;
}
