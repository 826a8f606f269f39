import { cp, readdir, rm, utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { achieve } from '../../../scripts/lib/engine/engine.js';
import { stampPath } from '../../../scripts/lib/engine/freshness.js';
import { inOrder, plan } from '../../../scripts/lib/engine/plan.js';
import { type Step, step } from '../../../scripts/lib/engine/step.js';
import { put, type TestContext, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { makes, productOf, recordingReporter } from '../../support/steps.js';

/** The reasons why steps would run, by id; fresh ones are left out. */
async function reasons(goals: readonly Step[], ctx: TestContext): Promise<Record<string, string>> {
  const entries = await plan(goals, ctx);
  return Object.fromEntries(entries.flatMap(({ step: { id }, reason }) => (reason === undefined ? [] : [[id, reason]])));
}

/** Brings goals about; returns the ids of what ran. */
async function bring(goals: readonly Step[], ctx: TestContext): Promise<string[]> {
  return (await achieve(goals, ctx, recordingReporter())).ran.map(({ id }) => id);
}

describe('the order of steps', () => {
  const bottom = makes('bottom');
  const left = makes('left', { needs: [bottom] });
  const right = makes('right', { needs: [bottom] });
  const top = makes('top', { needs: [left, right] });

  test('puts each step once, after what it needs', () => {
    expect(inOrder([top, left]).map(({ id }) => id)).toEqual(['bottom', 'left', 'right', 'top']);
  });

  test('holds when they run', async () => {
    const reporter = recordingReporter();
    await achieve([top], testContext(), reporter);
    const at = (event: string): number => reporter.events.findIndex((line) => line.startsWith(event));
    for (const side of ['left', 'right']) {
      expect(at(`started ${side}`)).toBeGreaterThan(at('finished bottom'));
      expect(at('started top')).toBeGreaterThan(at(`finished ${side}`));
    }
    expect(reporter.events[0]).toBe('begin bottom,left,right,top');
    expect(reporter.events.at(-1)).toBe('end');
  });

  test('refuses a circle', () => {
    const needs: Step[] = [];
    const first = makes('first', { needs });
    needs.push(makes('second', { needs: [first] }));
    expect(() => inOrder([first])).toThrow('step first needs itself');
  });

  test('refuses two steps of one id', () => {
    expect(() => inOrder([makes('same'), makes('same')])).toThrow('two steps are called same');
  });
});

describe('a step', () => {
  test('that is done does not run again', async () => {
    const ctx = testContext();
    const goal = makes('goal', { needs: [makes('need')] });
    expect(await bring([goal], ctx)).toEqual(['need', 'goal']);
    await rm(ctx.paths.locks, { recursive: true });
    const reporter = recordingReporter();
    expect(await achieve([goal], ctx, reporter)).toEqual({ ran: [], fresh: ['need', 'goal'], seconds: 0 });
    expect(reporter.events).toEqual([]);
    // No lock either: nothing is to be written.
    await expect(readdir(ctx.paths.locks)).rejects.toThrow('ENOENT');
  });

  test('that was never made says so', async () => {
    expect(await reasons([makes('a')], testContext())).toEqual({ a: 'not made yet' });
  });

  test('whose input changed names the input as the reason', async () => {
    const ctx = testContext();
    const goal = makes('a', { inputs: ['pins/go.mod', 'patches'] });
    await put(ctx.paths.inRoot('pins/go.mod'), 'one');
    await put(ctx.paths.inRoot('patches/series'), 'one');
    await bring([goal], ctx);
    expect(await reasons([goal], ctx)).toEqual({});
    await put(ctx.paths.inRoot('patches/series'), 'two');
    expect(await reasons([goal], ctx)).toEqual({ a: 'changed: patches' });
  });

  test('whose option changed names the option as the reason', async () => {
    const ctx = testContext();
    const withTags = (...tags: string[]): Step => makes('a', { options: () => ({ tags, cgo: false }) });
    await bring([withTags('one')], ctx);
    expect(await reasons([withTags('one', 'two')], ctx)).toEqual({ a: 'changed: tags' });
  });

  test('whose product is gone names the product, and what stands on it stays', async () => {
    const ctx = testContext();
    const need = makes('need');
    const goal = makes('goal', { needs: [need] });
    await bring([goal], ctx);
    await rm(productOf(ctx, need));
    expect(await reasons([goal], ctx)).toEqual({ need: `${productOf(ctx, need)} is gone` });
    expect(await bring([goal], ctx)).toEqual(['need']);
  });

  test('is done in a checkout that was moved with its cache', async () => {
    const before = testContext();
    expect(await bring([makes('made')], before)).toEqual(['made']);
    const moved = testContext();
    await rm(moved.paths.root, { recursive: true });
    await cp(before.paths.root, moved.paths.root, { recursive: true, preserveTimestamps: true });
    expect(await reasons([makes('made')], moved)).toEqual({});
  });

  test('whose product was replaced by another says so', async () => {
    const ctx = testContext();
    const goal = makes('a');
    await bring([goal], ctx);
    await utimes(productOf(ctx, goal), 1000, 1000);
    expect(await reasons([goal], ctx)).toEqual({ a: `${productOf(ctx, goal)} is not the one that was made` });
  });

  test('whose need changed runs too, and names the need', async () => {
    const ctx = testContext();
    const need = makes('need', { inputs: ['source'] });
    const middle = makes('middle', { needs: [need] });
    const goal = makes('goal', { needs: [middle] });
    const beside = makes('beside');
    await bring([goal, beside], ctx);
    await put(ctx.paths.inRoot('source'), 'new');
    expect(await reasons([goal, beside], ctx)).toEqual({
      need: 'changed: source',
      middle: 'changed: the need',
      goal: 'changed: the middle',
    });
    expect(await bring([goal, beside], ctx)).toEqual(['need', 'middle', 'goal']);
  });

  test('whose input changed during the run is made of what was there when it began, and so is what stands on it', async () => {
    const ctx = testContext();
    const slow = makes('slow', { work: () => put(ctx.paths.inRoot('source'), 'changed meanwhile') });
    const reads = makes('reads', { needs: [slow], inputs: ['source'] });
    const goal = makes('goal', { needs: [reads] });
    expect(await bring([goal], ctx)).toEqual(['slow', 'reads', 'goal']);
    expect(await reasons([goal], ctx)).toEqual({});
  });

  test('that finishes without its product fails, and is not done', async () => {
    const ctx = testContext();
    const goal = { ...makes('a'), run: async () => undefined };
    await expect(bring([goal], ctx)).rejects.toThrow(`the a finished without making ${productOf(ctx, goal)}`);
    expect(await reasons([goal], ctx)).toEqual({ a: 'not made yet' });
  });

  test('gets a log of its own, and the output of its commands is its progress', async () => {
    const runner = fakeRunner({
      'make all': ({ options }) => {
        options.onLine?.('CC criu.o');
        return '';
      },
    });
    const ctx = testContext({ runner });
    const reporter = recordingReporter();
    await achieve([makes('a', { work: (own) => own.runner.run('make', ['all']) })], ctx, reporter);
    expect(runner.calls[0]?.options.log).toBe(`${ctx.logs}/a.log`);
    expect(reporter.events).toContain('progress a: CC criu.o');
  });

  test('is reported with its reason and the time that it took', async () => {
    const ctx = testContext();
    const first = makes('first', { work: () => ctx.clock.pass(1500) });
    const goal = makes('goal', { needs: [first], work: () => ctx.clock.pass(500) });
    expect(await achieve([goal], ctx, recordingReporter())).toEqual({
      ran: [
        { id: 'first', title: 'the first', reason: 'not made yet', seconds: 1.5 },
        { id: 'goal', title: 'the goal', reason: 'not made yet', seconds: 0.5 },
      ],
      fresh: [],
      seconds: 2,
    });
  });
});

describe('a step for the state of the machine', () => {
  const host = (state: { reason: string | undefined; runs: number }, cure: () => void): Step =>
    step({
      id: 'host',
      title: 'the host',
      check: async () => state.reason,
      run: async () => {
        state.runs += 1;
        cure();
      },
    });

  test('runs only when its check has a reason', async () => {
    const ctx = testContext();
    const state = { reason: undefined as string | undefined, runs: 0 };
    const goal = host(state, () => {
      state.reason = undefined;
    });
    expect(await bring([goal], ctx)).toEqual([]);
    state.reason = 'it does not run';
    expect(await reasons([goal], ctx)).toEqual({ host: 'it does not run' });
    expect(await bring([goal], ctx)).toEqual(['host']);
    expect(await bring([goal], ctx)).toEqual([]);
    expect(state.runs).toBe(1);
    await expect(readdir(ctx.paths.stamps)).rejects.toThrow('ENOENT');
  });

  test('fails when the reason is still there after it ran', async () => {
    const ctx = testContext();
    const failing = bring([host({ reason: 'it does not run', runs: 0 }, () => undefined)], ctx);
    await expect(failing).rejects.toThrow('the host: done, yet it does not run');
    await expect(failing).rejects.toMatchObject({ name: 'ToolkitError', log: `${ctx.logs}/host.log` });
  });

  test('brings back what only could not be seen without it', async () => {
    const ctx = testContext();
    const state = { reason: undefined as string | undefined, runs: 0 };
    const engine = host(state, () => {
      state.reason = undefined;
    });
    const image = step({
      id: 'image',
      title: 'the image',
      needs: [engine],
      produces: () => [{ name: 'image', fingerprint: async () => (state.reason === undefined ? 'sha256:1' : undefined) }],
      run: async () => undefined,
    });
    await bring([image], ctx);
    state.reason = 'it does not run';
    expect(await reasons([image], ctx)).toEqual({ host: 'it does not run', image: 'image is gone' });
    expect(await achieve([image], ctx, recordingReporter())).toMatchObject({ ran: [{ id: 'host' }], fresh: ['image'] });
  });
});

describe('a plan', () => {
  test('changes nothing', async () => {
    const ctx = testContext();
    await plan([makes('a', { needs: [makes('b')] })], ctx);
    expect(await readdir(ctx.paths.root)).toEqual([]);
  });

  test('is not fooled by a stamp whose step was taken away and came back with another need', async () => {
    const ctx = testContext();
    await bring([makes('a', { needs: [makes('b')] })], ctx);
    expect(await reasons([makes('a', { needs: [makes('c')] })], ctx)).toEqual({ c: 'not made yet', a: 'changed: the b, the c' });
    await put(stampPath(makes('a'), ctx), 'half a sta');
    expect(await reasons([makes('a')], ctx)).toEqual({ a: 'not made yet' });
  });
});
