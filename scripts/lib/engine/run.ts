import path from 'node:path';
import { type Context, secondsSince } from '../core/context.js';
import { ToolkitError } from '../core/errors.js';
import { withDefaults } from '../core/runner.js';
import { Course } from './course.js';
import { claimOf, expectations, longestPaths, type StepClaim } from './estimate.js';
import { type Freshness, freshness, writeStamp } from './freshness.js';
import { Places } from './places.js';
import type { PlanEntry } from './plan.js';
import type { Reporter } from './reporter.js';
import type { Step, StepContext } from './step.js';

export interface RunReport {
  /** In the order in which they finished; seconds of work, without waiting. */
  readonly ran: ReadonlyArray<{ readonly id: string; readonly title: string; readonly reason: string; readonly seconds: number }>;
  readonly fresh: readonly string[];
  /** From first to last, seconds. */
  readonly seconds: number;
}

/**
 * Runs the steps of a plan that are not done.
 * @param how when the run began, for its report; how many places there are
 * @throws the reason why the run was stopped; the failure of a step, or all of them together
 */
export async function runAll(
  entries: readonly PlanEntry[],
  ctx: Context,
  reporter: Reporter,
  { began, places }: { readonly began: number; readonly places: number },
): Promise<RunReport> {
  const steps = entries.map(({ step }) => step);
  const toDo = new Set(entries.filter(({ reason }) => reason !== undefined).map(({ step }) => step));
  const expected = await expectations(steps, ctx);
  const paths = longestPaths(steps, (step) => (toDo.has(step) ? (expected.get(step)?.seconds ?? 0) : 0));
  const course = new Course([...toDo], expected, places, ctx.clock);
  const run = new Run(entries, ctx, reporter, course, paths, new Places(places));
  reporter.begin({ steps, toDo: toDo.size, course });
  await run.toItsEnd();
  await reporter.end();
  if (ctx.signal.aborted) throw ctx.signal.reason;
  if (run.failures.length === 1) throw run.failures[0];
  if (run.failures.length > 1) throw new AggregateError(run.failures, 'several steps failed');
  return { ran: run.ran, fresh: run.fresh, seconds: secondsSince(ctx.clock, began) };
}

type Claim = StepClaim<PlanEntry>;
/** How a step ended: done, or not (it failed, or was not begun). */
type Outcome = 'done' | 'not done';

/** The steps of a plan on their way: each begins when what it needs is done and there is a place for it. */
class Run {
  /** As in the report. */
  readonly ran: RunReport['ran'][number][] = [];
  readonly fresh: string[] = [];
  readonly failures: unknown[] = [];
  private readonly keys: Map<Step, string>;
  /** Absent: not yet. */
  private readonly outcomes = new Map<Step, Outcome>();
  /** Those that have asked for a place, or needed none. */
  private readonly asked = new Set<Step>();
  private readonly atWork = new Set<Claim>();
  /** Of those at work, the ones that only look whether their step must run. */
  private readonly looking = new Set<Claim>();
  private end: () => void = () => undefined;

  constructor(
    private readonly entries: readonly PlanEntry[],
    private readonly ctx: Context,
    private readonly reporter: Reporter,
    private readonly course: Course,
    private readonly paths: ReadonlyMap<Step, number>,
    private readonly places: Places<Claim>,
  ) {
    this.keys = new Map(entries.map(({ step, key }) => [step, key] as const));
  }

  /** Resolves when nothing is at work any more, and nothing more can begin. */
  toItsEnd(): Promise<void> {
    return new Promise((resolve) => {
      this.end = resolve;
      this.proceed();
    });
  }

  /** Begins what can begin now. */
  private proceed(): void {
    this.beginLooks();
    if (this.looking.size === 0) this.beginWork();
    this.reportWaiting();
    if (this.atWork.size === 0) this.end();
  }

  /**
   * What is done already and uses nothing is looked at first, which takes no place and no time: others may wait for that alone, and
   * one that is in no hurry must not take the places of one that is.
   */
  private beginLooks(): void {
    for (const claim of this.ready(isLookedAt).map((entry) => this.claimFor(entry, 0))) {
      this.looking.add(claim);
      void this.work(claim);
    }
  }

  private beginWork(): void {
    for (const entry of this.ready(() => true))
      this.places.enter(this.claimFor(entry, entry.reason === undefined ? 0 : weightOf(entry.step)));
    for (const claim of this.stopped() ? [] : this.places.admit()) void this.work(claim);
  }

  private reportWaiting(): void {
    for (const { claim, waitsFor } of this.places.waiting()) {
      // Nobody cares how long it takes to look at what is done.
      if (claim.subject.reason === undefined && claim.weight === 0) continue;
      this.course.waits(claim.subject.step, waitsFor);
      this.reporter.waits(claim.subject.step, waitsFor);
    }
  }

  /** Those whose needs are done and that have not asked yet. They have, from now on. */
  private ready(isOne: (entry: PlanEntry) => boolean): PlanEntry[] {
    const found = this.entries.filter(
      (entry) =>
        !this.asked.has(entry.step) && isOne(entry) && (entry.step.needs ?? []).every((need) => this.outcomes.get(need) === 'done'),
    );
    for (const { step } of found) this.asked.add(step);
    return found;
  }

  private async work(claim: Claim): Promise<void> {
    const { step } = claim.subject;
    this.atWork.add(claim);
    const outcome = await this.bring(claim);
    this.looking.delete(claim);
    this.places.leave(claim);
    if (outcome === 'stale') this.places.enter(this.claimFor(claim.subject, weightOf(step)));
    else this.outcomes.set(step, outcome);
    this.atWork.delete(claim);
    this.proceed();
  }

  /** Brings one step about. @returns stale: it must run, and has no places for that */
  private async bring(claim: Claim): Promise<Outcome | 'stale'> {
    const { step } = claim.subject;
    try {
      // Asked again now: what it needs may have come back (an engine that was down), or changed.
      const now = await freshness(step, this.ctx, (need) => this.keys.get(need) ?? '');
      this.keys.set(step, now.key);
      if (now.reason === undefined) {
        this.fresh.push(step.id);
        this.course.ended(step);
        return 'done';
      }
      if (this.stopped()) return 'not done';
      if (this.looking.has(claim) || claim.weight < weightOf(step)) return 'stale';
      await this.runStep(step, { ...now, reason: now.reason });
      return 'done';
    } catch (error) {
      this.failures.push(error);
      this.course.dropped(step);
      this.reporter.failed(step, error);
      return 'not done';
    }
  }

  private async runStep(step: Step, now: Freshness & { readonly reason: string }): Promise<void> {
    const { ctx, course, reporter } = this;
    course.began(step);
    reporter.started(step, now.reason);
    const start = ctx.clock.now();
    await step.run(stepContext(step, ctx, reporter, course));
    const after = await step.check?.(ctx);
    if (after !== undefined) throw new ToolkitError(`${step.title}: done, yet ${after}`, { log: logOf(step, ctx) });
    const seconds = secondsSince(ctx.clock, start);
    await writeStamp(step, ctx, now, seconds);
    this.ran.push({ id: step.id, title: step.title, reason: now.reason, seconds });
    course.ended(step);
    reporter.finished(step, seconds);
  }

  private claimFor(entry: PlanEntry, weight: number): Claim {
    return claimOf(entry, this.paths.get(entry.step) ?? 0, weight);
  }

  /** True when no further step is to begin. */
  private stopped(): boolean {
    return this.failures.length > 0 || this.ctx.signal.aborted;
  }
}

/** True for a step that is likely to be found done, by a look that disturbs nobody. */
function isLookedAt({ reason, step }: PlanEntry): boolean {
  return reason === undefined && (step.uses ?? []).length === 0;
}

function weightOf({ weight = 1 }: Step): number {
  return weight;
}

function stepContext(step: Step, ctx: Context, reporter: Reporter, course: Course): StepContext {
  const log = logOf(step, ctx);
  const status = (line: string): void => reporter.progress(step, line);
  const progress = (fraction: number, detail?: string): void => course.advanced(step, fraction, detail);
  return { ...ctx, log, status, progress, runner: withDefaults(ctx.runner, { log, onLine: status }) };
}

function logOf(step: Step, ctx: Context): string {
  return path.join(ctx.logs, `${step.id}.log`);
}
