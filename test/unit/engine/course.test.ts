import { describe, expect, test } from 'vitest';
import { Course, type Left } from '../../../scripts/lib/engine/course.js';
import type { Expected } from '../../../scripts/lib/engine/estimate.js';
import type { Step } from '../../../scripts/lib/engine/step.js';
import { describeLeft, describeQueue, describeStep, describeWhole } from '../../../scripts/lib/engine/words.js';
import { type FakeClock, fakeClock } from '../../support/context.js';
import { makes } from '../../support/steps.js';

const base = makes('base', { seconds: 100 });
const build = makes('build', { seconds: 600 });
const image = makes('image', { seconds: 30, needs: [base, build] });

function under({ last = new Map(), places = 3 }: { last?: ReadonlyMap<Step, number>; places?: number } = {}): {
  course: Course;
  clock: FakeClock;
  left: (step: Step) => Left | undefined;
  seconds: (step?: Step) => number;
} {
  const clock = fakeClock();
  const expected = new Map<Step, Expected>(
    [base, build, image].map((step) => {
      const measured = last.get(step);
      return [step, measured === undefined ? { seconds: step.seconds ?? 0, from: 'declaration' } : { seconds: measured, from: 'last run' }];
    }),
  );
  const course = new Course([base, build, image], expected, places, clock);
  const left = (step: Step): Left | undefined => course.atWork().find((state) => state.step === step)?.left;
  const seconds = (step?: Step): number => {
    const found = step === undefined ? course.whole().left : left(step);
    return found !== undefined && 'seconds' in found ? found.seconds : expect.unreachable(`nobody knows: ${JSON.stringify(found)}`);
  };
  return { course, clock, left, seconds };
}

describe('how long a run may still take', () => {
  test('is how the engine would go on with what is left, side by side', () => {
    const { course, clock, seconds } = under();
    expect(course.whole()).toEqual({ done: 0, total: 3, left: { seconds: 630, atLeast: false } });
    course.began(base);
    course.began(build);
    clock.pass(50_000);
    expect(seconds()).toBeCloseTo(580);
    expect(under({ places: 1 }).seconds()).toBeCloseTo(730);
  });

  test('follows the pace that a step tells', () => {
    const { course, clock, seconds } = under();
    course.began(build);
    course.advanced(build, 0);
    clock.pass(60_000);
    course.advanced(build, 0.5, '500 of 1000 packages');
    expect(seconds(build)).toBeCloseTo(60);
    // Nothing new for a while: it has got slower.
    clock.pass(60_000);
    expect(seconds(build)).toBeCloseTo(120);
  });

  test('trusts the time that was expected while the pace tells little', () => {
    const { course, clock, seconds } = under();
    course.began(build);
    course.advanced(build, 0);
    clock.pass(10_000);
    course.advanced(build, 0.05);
    expect(seconds(build)).toBeGreaterThan(190);
    expect(seconds(build)).toBeLessThan(590);
  });

  test('takes what finished sooner than expected for a sign of what is to come, in both directions', () => {
    const finishedAfter = (ms: number): number => {
      const { course, clock, seconds } = under();
      course.began(base);
      clock.pass(ms);
      course.ended(base);
      return seconds();
    };
    expect(finishedAfter(10_000)).toBeLessThan(250);
    expect(finishedAfter(100_000)).toBeCloseTo(630);
    expect(finishedAfter(300_000)).toBeGreaterThan(1200);
  });

  test('is less where a step finds most of its work done, and that goes for what is like it', () => {
    const { course, clock, left, seconds } = under();
    expect(seconds()).toBeCloseTo(630);
    course.began(build);
    clock.pass(5000);
    course.advanced(build, 0.97, '2623 packages, linking');
    expect(seconds(build)).toBeCloseTo(18);
    expect(seconds()).toBeLessThan(60);
    clock.pass(10_000);
    expect(seconds(build)).toBeCloseTo(8);
    clock.pass(10_000);
    expect(left(build)).toEqual({ over: 'declaration' });
  });

  test('is told to be more than was expected when that has passed, and never less than nothing', () => {
    const { course, clock, left } = under({ last: new Map([[build, 40]]) });
    course.began(build);
    course.began(base);
    clock.pass(45_000);
    expect(left(build)).toEqual({ over: 'last run' });
    expect(left(base)).toEqual({ seconds: 55, atLeast: false });
    expect(course.whole().left).toMatchObject({ atLeast: true });
    clock.pass(3_600_000);
    expect(left(base)).toEqual({ over: 'declaration' });
    course.ended(base);
    expect(course.whole().left).toMatchObject({ atLeast: true });
    course.ended(build);
    course.began(image);
    clock.pass(3_600_000);
    expect(course.whole()).toEqual({ done: 2, total: 3, left: { over: 'declaration' } });
  });
});

describe('how far a step is', () => {
  test('does not go back, and is not 100 % before it is done', () => {
    const { course } = under();
    course.began(build);
    expect(course.atWork()).toMatchObject([{ percent: undefined }]);
    for (const [told, shown] of [
      [0.125, 12],
      [0.1, 12],
      [Number.NaN, 12],
      [1, 99],
      [7, 99],
    ] as const) {
      course.advanced(build, told);
      expect(course.atWork()).toMatchObject([{ percent: shown }]);
    }
  });
});

test('a step that failed is at work no longer, and not done', () => {
  const { course } = under();
  course.began(build);
  course.dropped(build);
  expect(course.atWork()).toEqual([]);
  expect(course.whole()).toMatchObject({ done: 0, total: 3 });
});

test('a step that was thought to be done counts when it runs after all', () => {
  const { course } = under();
  course.began(makes('gone'));
  expect(course.whole()).toMatchObject({ done: 0, total: 4 });
});

describe('in words', () => {
  test('a step at work has its part, what that is made of, its time and what is left', () => {
    const { course, clock } = under({ last: new Map([[image, 1]]) });
    course.began(build);
    course.advanced(build, 0);
    course.began(image);
    clock.pass(250_000);
    course.advanced(build, 0.62, '1632 of 2623 packages');
    expect(course.atWork().map(describeStep)).toEqual([
      'the build 62 %, 1632 of 2623 packages, 4 min 10 s, about 3 min left',
      'the image, 4 min 10 s, longer than last time',
    ]);
    expect(describeWhole(course)).toMatch(/^0 of 3 steps, at least \d min left$/);
  });

  test('what nobody declared or measured has no forecast when its time is over', () => {
    expect(describeLeft({ over: 'guess' })).toBeUndefined();
    expect(describeLeft({ over: 'declaration' })).toBe('longer than expected');
    expect(describeLeft({ seconds: 3, atLeast: false })).toBe('a few seconds left');
    expect(describeLeft({ seconds: 3, atLeast: true })).toBe('at least a few seconds left');
  });

  test('those that wait are told with what for', () => {
    const { course } = under();
    expect(describeQueue(course)).toBeUndefined();
    course.waits(base, { thing: 'apt', by: { title: 'build packages', weight: 1, uses: ['apt'], priority: 0 } });
    course.waits(build, 'places');
    course.waits(image, 'places');
    expect(describeQueue(course)).toBe('waiting: the base for apt, in use by build packages; the build, the image for a place');
    course.began(base);
    course.ended(build);
    expect(describeQueue(course)).toBe('waiting: the image for a place');
  });
});
