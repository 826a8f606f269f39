import { type Context, secondsSince } from '../core/context.js';
import { holdRoot } from '../core/sudo.js';
import { achieve } from './engine.js';
import { listReporter } from './live-list.js';
import { plan } from './plan.js';
import { plainReporter, type Reporter } from './reporter.js';
import type { RunReport } from './run.js';
import type { Step } from './step.js';

/** The reporter that fits where the output goes: a live list on a terminal, timestamped lines elsewhere and in CI. */
export function chooseReporter(ctx: Context, terminal = process.stderr.isTTY === true && process.stdout.isTTY === true): Reporter {
  const ci = (ctx.env['CI'] ?? '') !== '' && ctx.env['CI'] !== 'false';
  return terminal && !ci ? listReporter() : plainReporter(ctx.say, ctx.clock);
}

/**
 * Brings goals about and shows it.
 * @param before asked with the steps that must run, before any of them does; throws when they cannot. Not asked where there is
 * nothing to do
 */
export async function bringAbout(
  ctx: Context,
  goals: readonly Step[],
  { before }: { readonly before?: (pending: readonly Step[]) => Promise<void> } = {},
): Promise<RunReport> {
  const began = ctx.clock.now();
  const entries = await plan(goals, ctx);
  const pending = entries.filter(({ reason }) => reason !== undefined).map(({ step }) => step);
  if (pending.length === 0) return { ran: [], fresh: entries.map(({ step }) => step.id), seconds: secondsSince(ctx.clock, began) };
  await before?.(pending);
  // A password is asked for on a terminal that shows nothing else yet.
  const release = pending.some(({ asRoot }) => asRoot === true) ? await holdRoot(ctx) : () => undefined;
  try {
    return await achieve(goals, ctx, chooseReporter(ctx));
  } finally {
    release();
  }
}

/** The plan as lines for people: what would run and why. */
export async function describePlan(
  ctx: Context,
  goals: readonly Step[],
): Promise<{ lines: string[]; steps: Array<{ id: string; title: string; reason: string | null }> }> {
  const entries = await plan(goals, ctx);
  const width = Math.max(...entries.map(({ step }) => step.title.length));
  return {
    lines: entries.map(({ step, reason }) => `${reason === undefined ? '✔' : '▶'} ${step.title.padEnd(width)}  ${reason ?? 'done'}`),
    steps: entries.map(({ step, reason }) => ({ id: step.id, title: step.title, reason: reason ?? null })),
  };
}
