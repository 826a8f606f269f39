import { describe, expect, test } from 'vitest';
import { declared, expectations, longestPaths, makespan, type Span, simulate } from '../../../scripts/lib/engine/estimate.js';
import { stampPath } from '../../../scripts/lib/engine/freshness.js';
import { placesFor } from '../../../scripts/lib/engine/machine.js';
import { inOrder } from '../../../scripts/lib/engine/plan.js';
import type { Step } from '../../../scripts/lib/engine/step.js';
import { environmentOf } from '../../../scripts/steps/environment.js';
import { put, testContext } from '../../support/context.js';
import { defaultProfile } from '../../support/profiles.js';
import { makes } from '../../support/steps.js';

const secondsOf = (step: Step): number => declared(step).seconds;
const play = (steps: readonly Step[], places: number): Span[] =>
  simulate(
    steps.map((step) => ({ step, seconds: secondsOf(step), atWork: false })),
    places,
  );
const begins = (spans: readonly Span[]): string[] => spans.map(({ step, start }) => `${start} ${step.id}`);

describe('how long a step takes', () => {
  test('is what it took when it ran last, or what it declares', async () => {
    const ctx = testContext();
    const [measured, told, unknown] = [makes('measured', { seconds: 100 }), makes('told', { seconds: 100 }), makes('unknown')];
    await put(stampPath(measured, ctx), JSON.stringify({ key: 'of another version', parts: {}, products: {}, seconds: 7.5 }));
    expect([...(await expectations([measured, told, unknown], ctx)).values()]).toEqual([
      { seconds: 7.5, from: 'last run' },
      { seconds: 100, from: 'declaration' },
      { seconds: 2, from: 'guess' },
    ]);
  });
});

describe('the longest path', () => {
  test('of a step is its own time and that of the longest chain of those that need it', () => {
    const bottom = makes('bottom', { seconds: 1 });
    const short = makes('short', { seconds: 2, needs: [bottom] });
    const long = makes('long', { seconds: 30, needs: [bottom] });
    const top = makes('top', { seconds: 4, needs: [short, long] });
    const paths = longestPaths([bottom, short, long, top], secondsOf);
    expect([...paths].map(([{ id }, path]) => [id, path])).toEqual([
      ['top', 4],
      ['long', 34],
      ['short', 6],
      ['bottom', 35],
    ]);
  });
});

describe('a simulated run', () => {
  test('begins what has the longest tail first, beside what is at work', () => {
    const need = makes('need', { seconds: 5 });
    const tail = makes('tail', { seconds: 50, needs: [need] });
    const steps = [makes('a', { seconds: 10 }), makes('b', { seconds: 20 }), need, tail];
    expect(begins(play(steps, 2))).toEqual(['0 need', '0 b', '5 tail', '20 a']);
    const [a, b] = steps as [Step, Step];
    expect(
      begins(
        simulate(
          [
            { step: b, seconds: 1, atWork: false },
            { step: a, seconds: 3, atWork: true },
          ],
          1,
        ),
      ),
    ).toEqual(['0 a', '3 b']);
  });

  test('keeps apart what uses the same, and two heavy ones', () => {
    const steps = [
      makes('packages', { seconds: 5, uses: ['apt'] }),
      makes('engine', { seconds: 4, uses: ['apt'] }),
      makes('first', { seconds: 9, weight: 2 }),
      makes('second', { seconds: 8, weight: 2 }),
    ];
    expect(begins(play(steps, 3))).toEqual(['0 first', '0 packages', '5 engine', '9 second']);
  });
});

/**
 * What the engine did before it looked at times: three places on any machine, for whoever came first, and nobody past one that
 * waits for them. CRIU took two, as Kubernetes does.
 */
function firstCome(steps: readonly Step[], places = 3): Span[] {
  const weightOf = ({ id, weight = 1 }: Step): number => (id === 'criu' ? 2 : weight);
  const spans: Span[] = [];
  const queue: Step[] = [];
  const end = new Map<Step, number>();
  const pending = new Set(steps);
  for (let now = 0; ; ) {
    const atWork = spans.filter((span) => span.end > now);
    let free = places - atWork.reduce((sum, { step }) => sum + weightOf(step), 0);
    for (const step of pending) {
      if (!(step.needs ?? []).every((need) => !steps.includes(need) || (end.get(need) ?? Number.POSITIVE_INFINITY) <= now)) continue;
      pending.delete(step);
      queue.push(step);
    }
    for (let next = queue[0]; next !== undefined && weightOf(next) <= free; next = queue[0]) {
      queue.shift();
      free -= weightOf(next);
      const span = { step: next, start: now, end: now + secondsOf(next) };
      end.set(next, span.end);
      spans.push(span);
    }
    const later = spans.map((span) => span.end).filter((time) => time > now);
    if (later.length === 0) return spans;
    now = Math.min(...later);
  }
}

const NEW_MACHINE: readonly string[] = [];
const EQUIPPED = ['build-packages', 'go-toolchain', 'docker-engine', 'docker-experimental'];

const environment = environmentOf(defaultProfile);

describe.each([
  { cores: 2, machine: 'where nothing is installed', there: NEW_MACHINE },
  { cores: 2, machine: 'with packages, Go and Docker', there: EQUIPPED },
  { cores: 8, machine: 'where nothing is installed', there: NEW_MACHINE },
  { cores: 16, machine: 'with packages, Go and Docker', there: EQUIPPED },
])('setup on $cores cores, $machine', ({ cores, there }) => {
  const steps = inOrder(environment).filter(({ id }) => !there.includes(id));
  const spans = play(steps, placesFor({ cores, memory: 64 * 1024 ** 3 }));
  const before = firstCome(steps);
  const spanOf = (id: string, of = spans): Span =>
    of.find(({ step }) => step.id === id) ?? expect.unreachable(`${id} is not among the steps`);
  /** Steps that begin when Kubernetes is built, and the seconds from then on in which one step alone is at work. */
  const afterKubernetes = (of: Span[]): { ids: string[]; alone: number } => {
    const { end: built } = spanOf('kubernetes', of);
    const times = [...new Set([built, ...of.flatMap(({ start, end }) => [start, end])])].filter((time) => time >= built);
    const periods = times
      .sort((one, other) => one - other)
      .flatMap((from, index) => (index === 0 ? [] : [[times[index - 1] ?? from, from] as const]));
    const alone = periods.filter(([from]) => of.filter(({ start, end }) => start <= from && end > from).length === 1);
    return {
      ids: of.filter(({ start }) => start >= built).map(({ step }) => step.id),
      alone: alone.reduce((sum, [from, to]) => sum + to - from, 0),
    };
  };

  test('runs every step once, after what it needs', () => {
    expect(new Set(spans.map(({ step }) => step)).size).toBe(steps.length);
    for (const { step, start } of spans)
      for (const need of step.needs ?? []) if (steps.includes(need)) expect(spanOf(need.id).end).toBeLessThanOrEqual(start);
  });

  test('knows early whether this kernel can checkpoint', () => {
    expect(spanOf('criu-check').end).toBeLessThan(makespan(spans) / 5);
  });

  test('begins nothing else that takes a place between the time when Kubernetes could begin and the time when it does', () => {
    const kubernetes = spanOf('kubernetes');
    const needs = (kubernetes.step.needs ?? []).filter((need) => steps.includes(need));
    const ready = Math.max(0, ...needs.map((need) => spanOf(need.id).end));
    const late = spans.filter(({ step, start }) => start > ready && start < kubernetes.start && step.weight !== 0 && step.early !== true);
    expect(late.map(({ step }) => step.id)).toEqual([]);
  });

  test('leaves CRIU not for the time after Kubernetes, and nothing is alone at work then but the images, which need each other', () => {
    const { ids, alone } = afterKubernetes(spans);
    expect(ids).toContain('node-image');
    expect(ids).not.toContain('criu');
    const images = ['base-image', 'network-tools', 'node-image'].map((id) => secondsOf(spanOf(id).step));
    expect(alone).toBeLessThanOrEqual(images.reduce((sum, seconds) => sum + seconds, 0));
  });

  test('takes less time than in the order of the plan', () => {
    expect(makespan(spans)).toBeLessThan(makespan(before));
  });
});

test('what makes images takes turns at the Docker daemon', () => {
  const ctx = testContext();
  const image = /^(kindest\/|counter:|ballast:)/;
  const makers = inOrder(environment).filter((one) => one.produces?.(ctx).some(({ name }) => image.test(name)));
  expect(makers.map(({ id }) => id)).toEqual(expect.arrayContaining(['base-image', 'node-image', 'counter-image']));
  for (const { uses } of makers) expect(uses).toContain('docker');
});
