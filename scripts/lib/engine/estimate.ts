import type { Context } from '../core/context.js';
import { readStamp } from './freshness.js';
import { type Claim, Places } from './places.js';
import type { Step } from './step.js';

/** How long a step is expected to take, and how that is known: measured in the last run, declared, or neither. */
export interface Expected {
  readonly seconds: number;
  readonly from: 'last run' | 'declaration' | 'guess';
}

/** What is neither measured nor declared is small, seconds. */
const SMALL = 2;

/** How long each step took when it ran last on this machine; where it never did, what it declares. */
export async function expectations(steps: readonly Step[], ctx: Context): Promise<Map<Step, Expected>> {
  const known = await Promise.all(
    steps.map(async (step): Promise<[Step, Expected]> => {
      const measured = readStamp(step, ctx)?.seconds;
      return [step, measured === undefined ? declared(step) : { seconds: measured, from: 'last run' }];
    }),
  );
  return new Map(known);
}

/** What a step declares. */
export function declared({ seconds }: Step): Expected {
  return seconds === undefined ? { seconds: SMALL, from: 'guess' } : { seconds, from: 'declaration' };
}

/** Seconds that a step which is to come early counts for, more than any way to the end. */
const EARLY = 1_000_000;

/**
 * The longest way from the beginning of each step to the end of the whole: its own seconds and those of what depends on it. The
 * step with the longest one is begun first, for the whole cannot take less than that. One that is to come early, and what it needs,
 * stands before all others.
 * @param steps each after what it needs
 */
export function longestPaths(steps: readonly Step[], secondsOf: (step: Step) => number): Map<Step, number> {
  const after = new Map<Step, number>();
  const paths = new Map<Step, number>();
  for (const step of steps.toReversed()) {
    const path = secondsOf(step) + (after.get(step) ?? 0) + (step.early === true ? EARLY : 0);
    paths.set(step, path);
    for (const need of step.needs ?? []) after.set(need, Math.max(after.get(need) ?? 0, path));
  }
  return paths;
}

/** What a step asks the engine for. */
export function claimOf<S extends { readonly step: Step }>(
  subject: S,
  priority: number,
  weight: number = subject.step.weight ?? 1,
): StepClaim<S> {
  const { title, uses = [] } = subject.step;
  return { subject, title, weight, uses, priority };
}

export interface StepClaim<S> extends Claim {
  readonly subject: S;
}

/** A step that is still to be done, or being done. */
export interface Remaining {
  readonly step: Step;
  /** That it still takes. */
  readonly seconds: number;
  /** It holds its places already. */
  readonly atWork: boolean;
}

/** When a step would be at work, in seconds from now. */
export interface Span {
  readonly step: Step;
  readonly start: number;
  readonly end: number;
}

/** Plays through what the engine would do with these steps. What is not among them counts as done. @returns the spans, as they begin */
export function simulate(remaining: readonly Remaining[], total: number): Span[] {
  const seconds = new Map(remaining.map((one) => [one.step, one.seconds]));
  const paths = longestPaths(
    remaining.map(({ step }) => step),
    (step) => seconds.get(step) ?? 0,
  );
  const places = new Places<StepClaim<Remaining>>(total);
  const spans: Span[] = [];
  const atWork = new Map<StepClaim<Remaining>, Span>();
  const pending = new Set(remaining);
  const open = new Set(remaining.map(({ step }) => step));
  const enter = (subject: Remaining): void => {
    pending.delete(subject);
    places.enter(claimOf(subject, paths.get(subject.step) ?? 0));
  };
  const begin = (now: number): void => {
    for (const claim of places.admit()) {
      const span = { step: claim.subject.step, start: now, end: now + claim.subject.seconds };
      spans.push(span);
      atWork.set(claim, span);
    }
  };
  for (const one of remaining) if (one.atWork) enter(one);
  begin(0);
  for (let now = 0; ; ) {
    for (const one of pending) if (!(one.step.needs ?? []).some((need) => open.has(need))) enter(one);
    begin(now);
    if (atWork.size === 0) return spans;
    now = Math.min(...[...atWork.values()].map(({ end }) => end));
    for (const [claim, { step, end }] of atWork) {
      if (end > now) continue;
      atWork.delete(claim);
      places.leave(claim);
      open.delete(step);
    }
  }
}

/** Seconds until the last one ends. */
export function makespan(spans: readonly Span[]): number {
  return spans.reduce((last, { end }) => Math.max(last, end), 0);
}
