import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { achieve } from '../../../scripts/lib/engine/engine.js';
import type { Step } from '../../../scripts/lib/engine/step.js';
import { put, type TestContext, testContext } from '../../support/context.js';
import { gate, makes, PLACES, productOf, recordingReporter, run } from '../../support/steps.js';

describe('steps at work', () => {
  /** Steps that watch who is at work together. The first ones do not go on before that many have begun. */
  function crowd(weights: ReadonlyArray<0 | 1 | 2>, together: number): { steps: Step[]; seen: Set<string> } {
    const atWork = new Set<string>();
    const seen = new Set<string>();
    const enough = gate();
    let begun = 0;
    const steps = weights.map((weight, index) => {
      const id = `${index}-weighs-${weight}`;
      return makes(id, {
        weight,
        async work() {
          atWork.add(id);
          seen.add(
            [...atWork]
              .map((name) => name.slice(-1))
              .sort()
              .join('+'),
          );
          begun += 1;
          if (begun === together) enough.open();
          await enough.opened;
          // Time for one that should wait to come in.
          await new Promise((resolve) => setTimeout(resolve, 15));
          atWork.delete(id);
        },
      });
    });
    return { steps, seen };
  }

  test('are up to three light ones', async () => {
    const { steps, seen } = crowd([1, 1, 1, 1, 1], 3);
    expect((await run(steps, testContext())).ran).toHaveLength(5);
    expect(seen).toContain('1+1+1');
    expect(seen).not.toContain('1+1+1+1');
  });

  test('are a heavy one beside a light one, never two heavy ones', async () => {
    const { steps, seen } = crowd([2, 1, 2, 2, 1], 2);
    expect((await run(steps, testContext())).ran).toHaveLength(5);
    expect(seen).toContain('1+2');
    expect([...seen].filter((weights) => !['1', '2', '1+2'].includes(weights))).toEqual([]);
  });

  test('that only wait take no place', async () => {
    const { steps, seen } = crowd([0, 0, 0, 0, 0], 5);
    await run(steps, testContext());
    expect(seen).toContain('0+0+0+0+0');
  });
});

describe('steps that use the same', () => {
  /** Steps that write down who begins and ends, and take a while in between. */
  function diary(): { lines: string[]; taking: (ticks: number) => (id: string) => () => Promise<void> } {
    const lines: string[] = [];
    const taking = (ticks: number) => (id: string) => async () => {
      lines.push(`${id} begins`);
      for (let tick = 0; tick < ticks; tick += 1) await new Promise((resolve) => setTimeout(resolve, 5));
      lines.push(`${id} ends`);
    };
    return { lines, taking };
  }

  test('never run at the same time, and tell what they wait for', async () => {
    const { lines, taking } = diary();
    const steps = ['packages', 'engine', 'suite'].map((id) => makes(id, { uses: ['apt'], work: taking(2)(id) }));
    const reporter = recordingReporter();
    expect((await achieve(steps, testContext(), reporter, PLACES)).ran).toHaveLength(3);
    expect(lines).toEqual(['packages begins', 'packages ends', 'engine begins', 'engine ends', 'suite begins', 'suite ends']);
    expect(reporter.events).toContain('waits engine: apt of the packages');
  });

  test('leave the places to others while they wait', async () => {
    const { lines, taking } = diary();
    const uses = ['apt'];
    const otherRan = gate();
    const first = makes('first', { uses, work: () => otherRan.opened });
    const waiting = ['second', 'third', 'fourth'].map((id) => makes(id, { uses, work: taking(1)(id) }));
    await run([first, ...waiting, makes('other', { work: () => otherRan.open() })], testContext());
    expect(lines).toEqual(['second', 'third', 'fourth'].flatMap((id) => [`${id} begins`, `${id} ends`]));
  });

  test('are left to the next when nothing was to do, without a word', async () => {
    const ctx = testContext();
    const uses = ['docker'];
    const done = ['one', 'two'].map((id) => makes(id, { uses }));
    await run(done, ctx);
    const reporter = recordingReporter();
    expect((await achieve([...done, makes('new', { uses })], ctx, reporter, PLACES)).ran).toMatchObject([{ id: 'new' }]);
    expect(reporter.events.filter((event) => event.startsWith('waits two'))).toEqual([]);
  });
});

describe('the step with the longest way to the end', () => {
  const order = async (goals: readonly Step[], ctx: TestContext, places = 1): Promise<string[]> => {
    const reporter = recordingReporter();
    await achieve(goals, ctx, reporter, places);
    return reporter.events.flatMap((event) => /^started (\S+):/.exec(event)?.[1] ?? []);
  };

  test('begins first: its own time and that of what needs it count', async () => {
    const need = makes('need', { seconds: 1 });
    const goals = [makes('short', { seconds: 5 }), makes('middle', { seconds: 20 }), makes('long', { seconds: 30, needs: [need] })];
    expect(await order(goals, testContext())).toEqual(['need', 'long', 'middle', 'short']);
  });

  test('begins first where others are ready a moment sooner, because what it needs has to be looked at', async () => {
    const ctx = testContext();
    const there = makes('there', { needs: [makes('below')] });
    await run([there], ctx);
    const goals = [makes('short', { seconds: 1 }), makes('long', { seconds: 30, needs: [there] })];
    expect(await order(goals, ctx)).toEqual(['long', 'short']);
  });

  test('is known from the last run, where there was one', async () => {
    const ctx = testContext();
    const slow = makes('slow', { seconds: 1, inputs: ['slow'], work: () => ctx.clock.pass(100_000) });
    await run([slow], ctx);
    await put(ctx.paths.inRoot('slow'), 'changed');
    expect(await order([makes('declared', { seconds: 50 }), slow], ctx)).toEqual(['slow', 'declared']);
  });

  test('is not made longer by what is done already', async () => {
    const ctx = testContext();
    const goal = makes('goal', { seconds: 500 });
    await run([goal], ctx);
    await rm(ctx.paths.build, { recursive: true });
    const need = makes('need', { seconds: 1 });
    const done = makes('done', { seconds: 500, needs: [need] });
    await run([done], ctx);
    await rm(productOf(ctx, need));
    expect(await order([done, makes('other', { seconds: 10 })], ctx)).toEqual(['other', 'need']);
  });
});

test('a step that is done already is looked at without waiting for a place', async () => {
  const ctx = testContext();
  const heavy = makes('heavy', { weight: 2 });
  await run([heavy], ctx);
  const depends = makes('depends', { needs: [heavy], weight: 0 });
  const dependsRan = gate();
  const long = ['a', 'b'].map((id) => makes(id, { work: () => dependsRan.opened }));
  const goals = [...long, makes('goal', { needs: [depends], weight: 0, work: () => dependsRan.open() }), heavy];
  expect((await run(goals, ctx)).ran).toHaveLength(4);
});

test('a step that turns out to be stale takes its places before it runs', async () => {
  const ctx = testContext();
  const lines: string[] = [];
  let again = false;
  const product = (): string => productOf(ctx, { id: 'heavy' });
  const first = makes('first', { work: () => (again ? rm(product()) : undefined) });
  const heavy = makes('heavy', { needs: [first], weight: 2, work: () => lines.push('heavy begins') });
  await run([heavy], ctx);
  again = true;
  lines.length = 0;
  await rm(productOf(ctx, first));
  const other = makes('other', {
    weight: 2,
    work: async () => {
      await vi.waitFor(() => expect(existsSync(product())).toBe(false));
      await new Promise((resolve) => setTimeout(resolve, 30));
      lines.push('other ends');
    },
  });
  expect((await run([other, heavy], ctx)).ran.map(({ id }) => id)).toEqual(['first', 'other', 'heavy']);
  expect(lines).toEqual(['other ends', 'heavy begins']);
});

test('a step that turns out to be stale leaves the other places to others while it runs', async () => {
  const ctx = testContext();
  let again = false;
  const otherRan = gate();
  const first = makes('first', { work: () => (again ? rm(productOf(ctx, { id: 'stale' })) : undefined) });
  const stale = makes('stale', { needs: [first], work: () => (again ? otherRan.opened : undefined) });
  await run([stale], ctx);
  again = true;
  await rm(productOf(ctx, first));
  const staleBegan = (): boolean => reporter.events.some((event) => event.startsWith('started stale'));
  const reporter = recordingReporter();
  const before = makes('before', { work: () => vi.waitFor(() => expect(staleBegan()).toBe(true), 20_000) });
  const other = makes('other', { needs: [before], work: () => otherRan.open() });
  expect((await achieve([other, stale], ctx, reporter, PLACES)).ran).toHaveLength(4);
});
