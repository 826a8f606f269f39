import path from 'node:path';
import { type Context, secondsSince } from '../core/context.js';
import { removeAbandoned, removeHalfMade } from '../core/files.js';
import { holdLock } from '../core/lock.js';
import { placesFor, thisMachine } from './machine.js';
import { plan } from './plan.js';
import type { Reporter } from './reporter.js';
import { type RunReport, runAll } from './run.js';
import type { Step } from './step.js';

/**
 * Brings the goals about: runs the steps that are not done, in parallel where they allow it. When one fails, those at work are
 * let finish, no further one starts, and all failures are thrown together.
 * @param places how much may be at work at a time, see `engine/machine.ts`
 */
export async function achieve(
  goals: readonly Step[],
  ctx: Context,
  reporter: Reporter,
  places = placesFor(thisMachine()),
): Promise<RunReport> {
  const began = ctx.clock.now();
  const first = await plan(goals, ctx);
  if (first.every((entry) => entry.reason === undefined))
    return { ran: [], fresh: first.map((entry) => entry.step.id), seconds: secondsSince(ctx.clock, began) };

  const release = await holdLock(path.join(ctx.paths.locks, 'steps'), ctx);
  try {
    // Another run may have finished meanwhile. Whatever it left half-made is of no use to anyone now.
    const { tmp, bin, build, src, stamps } = ctx.paths;
    await removeAbandoned(path.dirname(tmp));
    for (const folder of [bin, build, src, stamps]) await removeHalfMade(folder);
    const entries = await plan(goals, ctx);
    return await runAll(entries, ctx, reporter, { began, places });
  } finally {
    await release();
  }
}
