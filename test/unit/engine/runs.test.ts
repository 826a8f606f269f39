import { spawnSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { holdLock } from '../../../scripts/lib/core/lock.js';
import { achieve } from '../../../scripts/lib/engine/engine.js';
import { readStamp } from '../../../scripts/lib/engine/freshness.js';
import { put, type TestContext, testContext } from '../../support/context.js';
import { gate, makes, productOf, recordingReporter, run } from '../../support/steps.js';

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
}

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
    expect(readStamp(breaks, ctx)).toBeUndefined();
    expect(readStamp(atWork, ctx)).toBeDefined();
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
    expect(readStamp(goal, ctx)).toBeUndefined();
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
