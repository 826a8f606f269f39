import { formatElapsed, formatEstimate } from '../core/duration.js';
import type { Course, Left, StepCourse } from './course.js';
import type { Waiting } from './places.js';

/** What a step waits for, after "waits for". */
export function describeWaiting(waitsFor: Waiting): string {
  return waitsFor === 'places' ? 'a place' : `${waitsFor.thing}, in use by ${waitsFor.by.title}`;
}

/** How long something may still take; undefined where nobody can tell. */
export function describeLeft(left: Left): string | undefined {
  if ('over' in left) return { 'last run': 'longer than last time', declaration: 'longer than expected', guess: undefined }[left.over];
  const time = formatEstimate(left.seconds);
  return time === 'a few seconds' && !left.atLeast ? `${time} left` : `${left.atLeast ? 'at least' : 'about'} ${time} left`;
}

/** A step at work in one line: `Kubernetes 62 %, 1632 of 2623 packages, 4 min 10 s, about 3 min left`. */
export function describeStep({ step, elapsed, percent, detail, left }: StepCourse): string {
  const head = percent === undefined ? step.title : `${step.title} ${percent} %`;
  // What is over in a moment needs no forecast.
  const forecast = elapsed < 3 && !('over' in left) && left.seconds < 3 ? undefined : describeLeft(left);
  return joined(head, detail, formatElapsed(elapsed), forecast);
}

/** The whole in one line: `11 of 25 steps, about 9 min left`. */
export function describeWhole(course: Course): string {
  const { done, total, left } = course.whole();
  return joined(`${done} of ${total} steps`, describeLeft(left));
}

function joined(...parts: ReadonlyArray<string | undefined>): string {
  return parts.filter((part) => part !== undefined).join(', ');
}

/** Who waits for what, in one line; undefined when nobody does. */
export function describeQueue(course: Course): string | undefined {
  const names = new Map<string, string[]>();
  for (const [step, waitsFor] of course.waiting()) {
    const what = describeWaiting(waitsFor);
    names.set(what, [...(names.get(what) ?? []), step.title]);
  }
  const parts = [...names].map(([what, titles]) => `${titles.join(', ')} for ${what}`);
  return parts.length === 0 ? undefined : `waiting: ${parts.join('; ')}`;
}
