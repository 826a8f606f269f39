import type { Clock } from '../core/context.js';
import { declared, type Expected, makespan, type Remaining, type Span, simulate } from './estimate.js';
import type { Waiting } from './places.js';
import type { Step } from './step.js';

/**
 * What is still to come. `over`: more than was expected has passed already, so nobody knows.
 * `atLeast`: something at work is over, and what comes after it takes so long.
 */
export type Left = { readonly seconds: number; readonly atLeast: boolean } | { readonly over: Expected['from'] };

/** How far a step is that is at work. */
export interface StepCourse {
  readonly step: Step;
  /** Since it began. */
  readonly elapsed: number;
  /** 0 to 99, where the step tells how far it is and has begun to get on. */
  readonly percent: number | undefined;
  /** What that is made of: "1632 of 2623 packages". */
  readonly detail: string | undefined;
  readonly left: Left;
}

interface AtWork {
  readonly start: number;
  /** Where it told first how far it was: its pace counts from there. */
  first?: { readonly time: number; readonly fraction: number };
  fraction?: number;
  detail?: string | undefined;
}

/** Less than this, of a step or of seconds, tells no pace. */
const TOLD_FRACTION = 0.02;
const TOLD_SECONDS = 3;
/** From here on the pace alone counts; before, also the time that was expected. */
const PACE_ALONE = 0.25;
/** What steps took in this run says how long the others will take, as soon as it is more than a little, seconds. */
const LITTLE = 30;
const SCALE = { least: 0.05, most: 10 };
/** What is over is taken to need that much of its time still, where others wait for it. */
const OVERTIME = 0.1;

/** Where a run is: what is done, how far the rest is, and how long it may still take. */
export class Course {
  private readonly steps = new Map<Step, 'waits' | 'done'>();
  private readonly working = new Map<Step, AtWork>();
  private readonly took = new Map<Step, number>();
  private readonly waitsFor = new Map<Step, Waiting>();

  /** @param toDo the steps that are to run, each after what it needs */
  constructor(
    toDo: readonly Step[],
    private readonly expected: ReadonlyMap<Step, Expected>,
    private readonly places: number,
    private readonly clock: Clock,
  ) {
    for (const step of toDo) this.steps.set(step, 'waits');
  }

  began(step: Step): void {
    this.waitsFor.delete(step);
    this.steps.set(step, 'waits');
    this.working.set(step, { start: this.clock.now() });
  }

  /** @param fraction 0 to 1; less than it was before is not believed */
  advanced(step: Step, fraction: number, detail?: string): void {
    const state = this.working.get(step);
    if (state === undefined || !Number.isFinite(fraction)) return;
    state.fraction = Math.max(state.fraction ?? 0, Math.min(1, fraction));
    state.detail = detail;
    // What comes before the first progress – fetching, unpacking – is no part of its pace.
    if (state.first === undefined || state.fraction === 0) state.first = { time: this.clock.now(), fraction: state.fraction };
  }

  /** It is done, or was found done. */
  ended(step: Step): void {
    const state = this.working.get(step);
    if (state !== undefined) this.took.set(step, this.since(state.start));
    this.dropped(step);
    if (this.steps.has(step)) this.steps.set(step, 'done');
  }

  /** It failed. */
  dropped(step: Step): void {
    this.working.delete(step);
    this.waitsFor.delete(step);
  }

  /** Nothing but this keeps a step from its work. */
  waits(step: Step, waitsFor: Waiting): void {
    this.waitsFor.set(step, waitsFor);
  }

  /** Those that wait for places or things of others, in the order in which they would begin. */
  waiting(): ReadonlyMap<Step, Waiting> {
    return this.waitsFor;
  }

  atWork(): StepCourse[] {
    return [...this.working].map(([step, state]) => ({
      step,
      elapsed: this.since(state.start),
      // 100 would say that it is done, and 0 nothing.
      percent: state.fraction === undefined || state.fraction === 0 ? undefined : Math.min(99, Math.floor(state.fraction * 100)),
      detail: state.detail,
      left: this.left(step, state),
    }));
  }

  /** Steps done, of those to do, and how long the others may take. */
  whole(): { readonly done: number; readonly total: number; readonly left: Left } {
    const states = [...this.steps.values()];
    return { done: states.filter((state) => state === 'done').length, total: states.length, left: this.wholeLeft() };
  }

  /** The steps that are to be done, as they would begin. */
  order(): Step[] {
    return this.schedule().map(({ step }) => step);
  }

  private wholeLeft(): Left {
    const lefts = [...this.working].map(([step, state]) => this.left(step, state));
    const over = lefts.find((left) => 'over' in left);
    const nothingElse = [...this.steps].every(([step, state]) => state === 'done' || this.working.has(step));
    if (over !== undefined && nothingElse && lefts.every((left) => 'over' in left)) return over;
    return { seconds: makespan(this.schedule()), atLeast: over !== undefined };
  }

  private schedule(): Span[] {
    const scale = this.scale();
    const remaining = [...this.steps].flatMap(([step, state]): Remaining[] => {
      if (state === 'done') return [];
      const working = this.working.get(step);
      const { seconds } = this.expectedOf(step);
      if (working === undefined) return [{ step, seconds: seconds * scale, atWork: false }];
      const left = this.left(step, working);
      return [{ step, seconds: 'over' in left ? seconds * OVERTIME : left.seconds, atWork: true }];
    });
    return simulate(remaining, this.places);
  }

  private left(step: Step, state: AtWork): Left {
    const byTime = this.leftByTime(step, this.since(state.start));
    const byShare = this.leftByShare(step, state);
    const guess = byTime === undefined || byShare === undefined ? byTime : Math.min(byTime, byShare);
    const pace = this.pace(state);
    if (pace === undefined)
      return guess === undefined || guess <= 0 ? { over: this.expectedOf(step).from } : { seconds: guess, atLeast: false };
    const trust = Math.min(1, (state.fraction ?? 0) / PACE_ALONE);
    return { seconds: pace * trust + Math.max(0, guess ?? 0) * (1 - trust), atLeast: false };
  }

  /** Seconds that are left of those that were expected; undefined when they have passed. */
  private leftByTime(step: Step, elapsed: number): number | undefined {
    const { seconds, from } = this.expectedOf(step);
    if (elapsed >= seconds) return undefined;
    // What was measured here holds for this step; what is declared holds for some machine with empty caches.
    const scale = from === 'last run' ? 1 : this.scale();
    return seconds * scale > elapsed ? seconds * scale - elapsed : (seconds - elapsed) * Math.min(1, scale);
  }

  /**
   * Seconds that are left of those that a step declares, by how far it was when it told first: it may have found most of its work
   * done. Less than nothing when they have passed.
   */
  private leftByShare(step: Step, { first }: AtWork): number | undefined {
    if (first === undefined || first.fraction === 0 || step.seconds === undefined) return undefined;
    return step.seconds * (1 - first.fraction) - this.since(first.time);
  }

  /** Seconds that are left when it goes on as since it told first how far it is; undefined while that tells nothing. */
  private pace({ first, fraction = 0 }: AtWork): number | undefined {
    if (first === undefined || fraction - first.fraction < TOLD_FRACTION) return undefined;
    const seconds = this.since(first.time);
    return seconds < TOLD_SECONDS ? undefined : (seconds * (1 - fraction)) / (fraction - first.fraction);
  }

  /** How the times of this run compare to those that were expected: 0.5 when all took half as long. */
  private scale(): number {
    let actual = LITTLE;
    let expected = LITTLE;
    const count = (step: Step, seconds: number): void => {
      actual += seconds;
      expected += this.expectedOf(step).seconds;
    };
    for (const [step, seconds] of this.took) count(step, seconds);
    for (const [step, state] of this.working) {
      const left = this.pace(state) ?? this.leftByShare(step, state);
      if (left !== undefined) count(step, this.since(state.start) + Math.max(0, left));
    }
    return Math.min(SCALE.most, Math.max(SCALE.least, actual / expected));
  }

  private expectedOf(step: Step): Expected {
    return this.expected.get(step) ?? declared(step);
  }

  private since(time: number): number {
    return (this.clock.now() - time) / 1000;
  }
}
