import type { Context } from './context.js';
import { ToolkitError } from './errors.js';

/** How long something may take to come about, milliseconds. */
const PATIENCE = 90_000;
/** How often it is looked at, milliseconds. */
const LOOK = 250;

/**
 * Looks until something holds.
 * @param what what is waited for, for the error
 * @returns what was seen when it held
 * @throws ToolkitError with what was seen last
 */
export async function until<T>(
  ctx: Pick<Context, 'clock' | 'signal'>,
  what: string,
  look: () => Promise<T>,
  holds: (value: T) => boolean,
  patience = PATIENCE,
): Promise<T> {
  const deadline = ctx.clock.now() + patience;
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    if (ctx.clock.now() > deadline)
      throw new ToolkitError(`${what}: has not come about in ${patience / 1000} s`, { details: [JSON.stringify(value).slice(0, 500)] });
    await ctx.clock.sleep(LOOK, ctx.signal);
  }
}
