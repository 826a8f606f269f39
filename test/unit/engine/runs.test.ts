import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { holdLock } from '../../../scripts/lib/core/lock.js';
import { achieve } from '../../../scripts/lib/engine/engine.js';
import { readStamp } from '../../../scripts/lib/engine/freshness.js';
import type { Step } from '../../../scripts/lib/engine/step.js';
import { put, type TestContext, testContext } from '../../support/context.js';
import { gate, makes, productOf, recordingReporter } from '../../support/steps.js';

/** Places of a machine with two cores. */
const PLACES = 3;

const run = (goals: readonly Step[], ctx: TestContext) => achieve(goals, ctx, recordingReporter(), PLACES);

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

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

describe('when a step fails', () => {
  test('those at work finish, no further one starts, and nothing is stamped for the failed one', async () => {
    const ctx = testContext();
    const broken = new Error('broken');
    const failed = gate();
    const breaks = makes('breaks', {
      work: () => {
        throw broken;
      },
    });
    const atWork = makes('at-work', { work: () => failed.opened });
    const depends = makes('depends', { needs: [breaks] });
    const later = makes('later', { needs: [atWork] });
    const reporter = recordingReporter();
    const opensTheGate: typeof reporter = {
      ...reporter,
      failed(step, error) {
        reporter.failed(step, error);
        failed.open();
      },
    };
    expect(await failureOf(achieve([atWork, depends, later], ctx, opensTheGate))).toBe(broken);
    expect(reporter.events).toEqual([
      'begin at-work,breaks,depends,later',
      'started at-work: not made yet',
      'started breaks: not made yet',
      'failed breaks: broken',
      'finished at-work 0',
      'end',
    ]);
    expect(await readStamp(breaks, ctx)).toBeUndefined();
    expect(await readStamp(atWork, ctx)).toBeDefined();
    expect(await readdir(ctx.paths.build)).toEqual(['at-work']);
  });

  test('and another at work fails too, both are reported together', async () => {
    const [firstWorks, secondWorks] = [gate(), gate()];
    const [one, two] = [new Error('one'), new Error('two')];
    const first = makes('first', {
      async work() {
        firstWorks.open();
        await secondWorks.opened;
        throw one;
      },
    });
    const second = makes('second', {
      async work() {
        secondWorks.open();
        await firstWorks.opened;
        throw two;
      },
    });
    const error = await failureOf(run([first, second], testContext()));
    expect(error).toBeInstanceOf(AggregateError);
    expect(new Set((error as AggregateError).errors)).toEqual(new Set([one, two]));
  });

  test('the next run goes on from what is finished', async () => {
    const ctx = testContext();
    let broken = true;
    const need = makes('need');
    const goal = makes('goal', {
      needs: [need],
      work: () => {
        if (broken) throw new Error('broken');
      },
    });
    await failureOf(run([goal], ctx));
    broken = false;
    expect(await run([goal], ctx)).toMatchObject({ ran: [{ id: 'goal', reason: 'not made yet' }], fresh: ['need'] });
  });
});

describe('a run that is stopped', () => {
  test('rejects with the reason of the signal, and stamps nothing for what was at work', async () => {
    const ctx = testContext();
    const reason = new Error('stopped by SIGINT');
    const goal = makes('goal', {
      work: (own) =>
        new Promise((_, reject) => {
          own.signal.addEventListener('abort', () => reject(new Error('make was killed')));
          ctx.abort.abort(reason);
        }),
    });
    expect(await failureOf(run([makes('depends', { needs: [goal] })], ctx))).toBe(reason);
    expect(await readStamp(goal, ctx)).toBeUndefined();
  });

  test('starts no further step, even where the one at work did not notice', async () => {
    const ctx = testContext();
    const reason = new Error('stopped by SIGINT');
    const deaf = makes('deaf', { work: () => ctx.abort.abort(reason) });
    const next = makes('next', { needs: [deaf] });
    expect(await failureOf(run([next], ctx))).toBe(reason);
    expect(await readdir(ctx.paths.build)).toEqual(['deaf']);
  });

  test('gives the lock back', async () => {
    const ctx = testContext();
    await failureOf(run([makes('goal', { work: () => ctx.abort.abort(new Error('stopped')) })], ctx));
    const again = testContext({ root: ctx.paths.root });
    again.clock.whileAsleep = () => expect.unreachable('it waits');
    expect((await run([makes('other')], again)).ran).toHaveLength(1);
  });
});

describe('after a run that was killed', () => {
  test('what was made and not recorded is made again', async () => {
    const ctx = testContext();
    const goal = makes('goal');
    await put(productOf(ctx, goal), 'looks finished');
    expect(await run([goal], ctx)).toMatchObject({ ran: [{ id: 'goal', reason: 'not made yet' }] });
  });

  test('what was half made is removed before anything starts', async () => {
    const ctx = testContext();
    await put(path.join(ctx.paths.tmp, 'go-criu', 'half'), 'half');
    let left: string[] | undefined;
    const goal = makes('goal', {
      work: async () => {
        left = await readdir(ctx.paths.tmp).catch(() => []);
      },
    });
    await run([goal], ctx);
    expect(left).toEqual([]);
  });

  test('what was half made beside its place is removed too', async () => {
    const ctx = testContext();
    const goal = makes('goal');
    await put(`${productOf(ctx, goal)}.0123abcd.tmp`, 'half');
    await put(path.join(ctx.paths.src, 'kind.0123abcd.tmp', 'go.mod'), 'half');
    await put(path.join(ctx.paths.src, 'kind', 'go.mod'), 'whole');
    await run([goal], ctx);
    expect(await readdir(ctx.paths.build)).toEqual(['goal']);
    expect(await readdir(ctx.paths.src)).toEqual(['kind']);
  });
});

describe('two runs', () => {
  test('take turns, and the second does not repeat what the first made', async () => {
    const first = testContext();
    const second = testContext({ root: first.paths.root });
    const begun = gate();
    const enough = gate();
    let runs = 0;
    const goal = makes('goal', {
      async work() {
        runs += 1;
        begun.open();
        await enough.opened;
      },
    });
    let naps = 0;
    second.clock.whileAsleep = () => {
      expect(runs).toBe(1);
      naps += 1;
      if (naps === 3) enough.open();
    };
    const one = run([goal], first);
    await begun.opened;
    const reporter = recordingReporter();
    const two = await achieve([goal], second, reporter);
    expect((await one).ran).toMatchObject([{ id: 'goal' }]);
    expect(two).toMatchObject({ ran: [], fresh: ['goal'] });
    expect(naps).toBeGreaterThanOrEqual(3);
    expect(reporter.events).toEqual(['begin ', 'end']);
    expect(second.said).toEqual([`waiting for process ${process.pid} that works on steps`]);
  });

  test('do not wait for each other when one has nothing to do', async () => {
    const first = testContext();
    const done = makes('done');
    await run([done], first);
    const release = await holdLock(path.join(first.paths.locks, 'steps'), first);
    const second = testContext({ root: first.paths.root });
    second.clock.whileAsleep = () => expect.unreachable('it waits');
    expect((await run([done], second)).fresh).toEqual(['done']);
    await release();
  });
});

describe('a lock', () => {
  const lockOf = (ctx: TestContext): string => path.join(ctx.paths.locks, 'steps');

  test('of a process that is dead is taken over at once', async () => {
    const ctx = testContext();
    const { pid } = spawnSync('true');
    await mkdir(`${lockOf(ctx)}.lock`, { recursive: true });
    await put(`${lockOf(ctx)}.pid`, `${pid}\n`);
    ctx.clock.whileAsleep = () => expect.unreachable('it waits');
    expect((await run([makes('goal')], ctx)).ran).toHaveLength(1);
    expect(await readdir(ctx.paths.locks)).toEqual([]);
  });

  test('whose holder is not known yet is waited for', async () => {
    const ctx = testContext();
    const other = testContext({ root: ctx.paths.root });
    const release = await holdLock(lockOf(ctx), other);
    await put(`${lockOf(ctx)}.pid`, '');
    ctx.clock.whileAsleep = vi.fn(() => release());
    await (await holdLock(lockOf(ctx), ctx))();
    expect(ctx.clock.whileAsleep).toHaveBeenCalledOnce();
    expect(ctx.said).toEqual(['waiting for another process that works on steps']);
  });

  test('is waited for only until the run is stopped', async () => {
    const ctx = testContext();
    const other = testContext({ root: ctx.paths.root });
    const release = await holdLock(lockOf(ctx), other);
    const reason = new Error('stopped');
    ctx.clock.whileAsleep = () => ctx.abort.abort(reason);
    expect(await failureOf(run([makes('goal')], ctx))).toBe(reason);
    await release();
    await expect(readdir(ctx.paths.build)).rejects.toThrow('ENOENT');
  });
});
