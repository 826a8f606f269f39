import path from 'node:path';
import type { Context } from './context.js';
import { ToolkitError } from './errors.js';
import { removeAbandoned, removeHalfMade } from './files.js';
import { type Freshness, freshness, writeStamp } from './freshness.js';
import { holdLock } from './lock.js';
import type { Reporter } from './reporter.js';
import { withDefaults } from './runner.js';
import type { Step, StepContext } from './step.js';

/** One line of a plan. */
export interface PlanEntry extends Freshness {
  readonly step: Step;
}

export interface RunReport {
  /** In the order of the plan; seconds of work, without waiting. */
  readonly ran: ReadonlyArray<{ readonly id: string; readonly title: string; readonly reason: string; readonly seconds: number }>;
  readonly fresh: readonly string[];
  /** From first to last, seconds. */
  readonly seconds: number;
}

/** Places for steps at work: as many light ones at a time, or one heavy beside one light. */
const PLACES = 3;

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
 */
export async function achieve(goals: readonly Step[], ctx: Context, reporter: Reporter): Promise<RunReport> {
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
    return await runAll(entries, ctx, reporter, began);
  } finally {
    await release();
  }
}

async function runAll(entries: readonly PlanEntry[], ctx: Context, reporter: Reporter, began: number): Promise<RunReport> {
  const ran: RunReport['ran'][number][] = [];
  const fresh: string[] = [];
  const failures: unknown[] = [];
  const places = new Places(PLACES);
  const keys = new Map(entries.map((entry) => [entry.step, entry.key] as const));
  const finished = new Map<Step, Promise<boolean>>();

  const bring = async (entry: PlanEntry): Promise<boolean> => {
    const { step } = entry;
    const needs = await Promise.all((step.needs ?? []).map((need) => finished.get(need)));
    if (needs.includes(false)) return false;
    const weight = step.weight ?? 1;
    await places.take(weight);
    try {
      // Asked again now: what it needs may have come back (an engine that was down), or changed.
      const now = await freshness(step, ctx, (need) => keys.get(need) ?? '');
      keys.set(step, now.key);
      if (now.reason === undefined) {
        fresh.push(step.id);
        return true;
      }
      if (failures.length > 0 || ctx.signal.aborted) return false;
      reporter.started(step, now.reason);
      const start = ctx.clock.now();
      await step.run(stepContext(step, ctx, reporter));
      const after = await step.check?.(ctx);
      if (after !== undefined) throw new ToolkitError(`${step.title}: done, yet ${after}`, { log: path.join(ctx.logs, `${step.id}.log`) });
      const seconds = since(start, ctx);
      await writeStamp(step, ctx, now, seconds);
      ran.push({ id: step.id, title: step.title, reason: now.reason, seconds });
      reporter.finished(step, seconds);
      return true;
    } catch (error) {
      failures.push(error);
      reporter.failed(step, error);
      return false;
    } finally {
      places.give(weight);
    }
  };

  reporter.begin(entries.map(({ step, reason }) => ({ step, reason })));
  for (const entry of entries) finished.set(entry.step, bring(entry));
  await Promise.all(finished.values());
  await reporter.end();
  if (ctx.signal.aborted) throw ctx.signal.reason;
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several steps failed');
  return { ran, fresh, seconds: since(began, ctx) };
}

function stepContext(step: Step, ctx: Context, reporter: Reporter): StepContext {
  const log = path.join(ctx.logs, `${step.id}.log`);
  const status = (line: string): void => reporter.progress(step, line);
  return { ...ctx, log, status, runner: withDefaults(ctx.runner, { log, onLine: status }) };
}

function since(start: number, ctx: Context): number {
  return (ctx.clock.now() - start) / 1000;
}

/** A counting semaphore, first come first served; a request larger than what is there waits for all. */
class Places {
  private readonly waiting: Array<{ readonly weight: number; readonly go: () => void }> = [];
  private free: number;

  constructor(total: number) {
    this.free = total;
  }

  async take(weight: number): Promise<void> {
    if (this.waiting.length === 0 && weight <= this.free) {
      this.free -= weight;
      return;
    }
    await new Promise<void>((go) => this.waiting.push({ weight, go }));
  }

  give(weight: number): void {
    this.free += weight;
    for (let next = this.waiting[0]; next !== undefined && next.weight <= this.free; next = this.waiting[0]) {
      this.waiting.shift();
      this.free -= next.weight;
      next.go();
    }
  }
}
