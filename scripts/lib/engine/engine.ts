import path from 'node:path';
import type { Context } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { removeAbandoned, removeHalfMade } from '../core/files.js';
import { holdLock } from '../core/lock.js';
import { withDefaults } from '../core/runner.js';
import { Course } from './course.js';
import { claimOf, expectations, longestPaths, type StepClaim } from './estimate.js';
import { type Freshness, freshness, writeStamp } from './freshness.js';
import { placesFor, thisMachine } from './machine.js';
import { Places } from './places.js';
import type { Reporter } from './reporter.js';
import type { Step, StepContext } from './step.js';

/** One line of a plan. */
export interface PlanEntry extends Freshness {
  readonly step: Step;
}

export interface RunReport {
  /** In the order in which they finished; seconds of work, without waiting. */
  readonly ran: ReadonlyArray<{ readonly id: string; readonly title: string; readonly reason: string; readonly seconds: number }>;
  readonly fresh: readonly string[];
  /** From first to last, seconds. */
  readonly seconds: number;
}

/** All steps that the goals stand on, each after what it needs. @throws TypeError on a circle or two steps of one id */
export function inOrder(goals: readonly Step[]): Step[] {
  const done = new Map<string, Step>();
  const open = new Set<string>();
  const visit = (step: Step): void => {
    const known = done.get(step.id);
    if (known === step) return;
    if (known !== undefined) throw new TypeError(`two steps are called ${step.id}`);
    if (open.has(step.id)) throw new TypeError(`step ${step.id} needs itself`);
    open.add(step.id);
    for (const need of step.needs ?? []) visit(need);
    open.delete(step.id);
    done.set(step.id, step);
  };
  for (const goal of goals) visit(goal);
  return [...done.values()];
}

/** Works out what must run for the goals, and why. Changes nothing. */
export async function plan(goals: readonly Step[], ctx: Context): Promise<PlanEntry[]> {
  const keys = new Map<Step, string>();
  const keyOf = (need: Step): string => keys.get(need) ?? '';
  const entries: PlanEntry[] = [];
  for (const step of inOrder(goals)) {
    const entry = { step, ...(await freshness(step, ctx, keyOf)) };
    keys.set(step, entry.key);
    entries.push(entry);
  }
  return entries;
}

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
    return { ran: [], fresh: first.map((entry) => entry.step.id), seconds: since(began, ctx) };

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

/** How a step ended: done, or not (it failed, or was not begun). Absent: not yet. */
type Outcomes = Map<Step, 'done' | 'not done'>;

async function runAll(
  entries: readonly PlanEntry[],
  ctx: Context,
  reporter: Reporter,
  { began, places: total }: { readonly began: number; readonly places: number },
): Promise<RunReport> {
  const ran: RunReport['ran'][number][] = [];
  const fresh: string[] = [];
  const failures: unknown[] = [];
  const places = new Places<StepClaim<PlanEntry>>(total);
  const keys = new Map(entries.map((entry) => [entry.step, entry.key] as const));
  const outcomes: Outcomes = new Map();
  const asked = new Set<Step>();
  const steps = entries.map(({ step }) => step);
  const toDo = new Set(entries.filter(({ reason }) => reason !== undefined).map(({ step }) => step));
  const expected = await expectations(steps, ctx);
  const paths = longestPaths(steps, (step) => (toDo.has(step) ? (expected.get(step)?.seconds ?? 0) : 0));
  const course = new Course([...toDo], expected, total, ctx.clock);
  const stopped = (): boolean => failures.length > 0 || ctx.signal.aborted;

  /** Those that only look whether their step must run. */
  const looking = new Set<StepClaim<PlanEntry>>();
  /** Brings one step about. Without places it only looks whether that is needed. */
  const bring = async (claim: StepClaim<PlanEntry>): Promise<'done' | 'not done' | 'stale'> => {
    const { step } = claim.subject;
    try {
      // Asked again now: what it needs may have come back (an engine that was down), or changed.
      const now = await freshness(step, ctx, (need) => keys.get(need) ?? '');
      keys.set(step, now.key);
      if (now.reason === undefined) {
        fresh.push(step.id);
        course.ended(step);
        return 'done';
      }
      if (stopped()) return 'not done';
      if (looking.has(claim) || claim.weight < weightOf(step)) return 'stale';
      course.began(step);
      reporter.started(step, now.reason);
      const start = ctx.clock.now();
      await step.run(stepContext(step, ctx, reporter, course));
      const after = await step.check?.(ctx);
      if (after !== undefined) throw new ToolkitError(`${step.title}: done, yet ${after}`, { log: path.join(ctx.logs, `${step.id}.log`) });
      const seconds = since(start, ctx);
      await writeStamp(step, ctx, now, seconds);
      ran.push({ id: step.id, title: step.title, reason: now.reason, seconds });
      course.ended(step);
      reporter.finished(step, seconds);
      return 'done';
    } catch (error) {
      failures.push(error);
      course.dropped(step);
      reporter.failed(step, error);
      return 'not done';
    }
  };

  const claimFor = (entry: PlanEntry, weight: number): StepClaim<PlanEntry> => claimOf(entry, paths.get(entry.step) ?? 0, weight);

  reporter.begin({ steps, toDo: toDo.size, course });
  await new Promise<void>((resolve) => {
    const atWork = new Set<StepClaim<PlanEntry>>();
    const ready = (isOne: (entry: PlanEntry) => boolean): PlanEntry[] => {
      const found = entries.filter(
        (entry) => !asked.has(entry.step) && isOne(entry) && (entry.step.needs ?? []).every((need) => outcomes.get(need) === 'done'),
      );
      for (const { step } of found) asked.add(step);
      return found;
    };
    const work = async (claim: StepClaim<PlanEntry>): Promise<void> => {
      atWork.add(claim);
      const outcome = await bring(claim);
      looking.delete(claim);
      places.leave(claim);
      if (outcome === 'stale') places.enter(claimFor(claim.subject, weightOf(claim.subject.step)));
      else outcomes.set(claim.subject.step, outcome);
      atWork.delete(claim);
      proceed();
    };
    const proceed = (): void => {
      // What is done already and uses nothing is looked at first, which takes no place and no time: others may wait for that alone,
      // and one that is in no hurry must not take the places of one that is.
      for (const claim of ready(isLookedAt).map((entry) => claimFor(entry, 0))) {
        looking.add(claim);
        void work(claim);
      }
      if (looking.size === 0) {
        for (const entry of ready(() => true)) places.enter(claimFor(entry, entry.reason === undefined ? 0 : weightOf(entry.step)));
        for (const claim of stopped() ? [] : places.admit()) void work(claim);
      }
      for (const { claim, waitsFor } of places.waiting()) {
        // Nobody cares how long it takes to look at what is done.
        if (claim.subject.reason === undefined && claim.weight === 0) continue;
        course.waits(claim.subject.step, waitsFor);
        reporter.waits(claim.subject.step, waitsFor);
      }
      if (atWork.size === 0) resolve();
    };
    proceed();
  });
  await reporter.end();
  if (ctx.signal.aborted) throw ctx.signal.reason;
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several steps failed');
  return { ran, fresh, seconds: since(began, ctx) };
}

/** True for a step that is likely to be found done, by a look that disturbs nobody. */
function isLookedAt({ reason, step }: PlanEntry): boolean {
  return reason === undefined && (step.uses ?? []).length === 0;
}

function weightOf({ weight = 1 }: Step): number {
  return weight;
}

function stepContext(step: Step, ctx: Context, reporter: Reporter, course: Course): StepContext {
  const log = path.join(ctx.logs, `${step.id}.log`);
  const status = (line: string): void => reporter.progress(step, line);
  const progress = (fraction: number, detail?: string): void => course.advanced(step, fraction, detail);
  return { ...ctx, log, status, progress, runner: withDefaults(ctx.runner, { log, onLine: status }) };
}

function since(start: number, ctx: Context): number {
  return (ctx.clock.now() - start) / 1000;
}
