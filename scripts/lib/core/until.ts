import type { Context } from './context.js';
import { ToolkitError } from './errors.js';

/** How long something may take to come about, milliseconds. */
const PATIENCE_MS = 90_000;
/** How often it is looked at, milliseconds. */
const EVERY_MS = 250;

/**
 * Looks until something holds.
 * @param failure what is waited for, for the error; or what to throw, from what was seen last
 * @param options how long to wait, how often to look
 * @returns what was seen when it held
 * @throws ToolkitError when it has not come about in time
 */
export async function until<T>(
  ctx: Pick<Context, 'clock' | 'signal'>,
  failure: string | ((last: T) => ToolkitError | Promise<ToolkitError>),
  look: () => Promise<T>,
  holds: (value: T) => boolean,
  { patienceMs = PATIENCE_MS, everyMs = EVERY_MS }: { patienceMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = ctx.clock.now() + patienceMs;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (ctx.clock.now() > deadline) {
      if (typeof failure !== 'string') throw await failure(value);
      throw new ToolkitError(`${failure}: has not come about in ${patienceMs / 1000} s`, {
        details: [JSON.stringify(value).slice(0, 500)],
      });
    }
    await ctx.clock.sleep(everyMs, ctx.signal);
  }
}
