import { expect, test } from 'vitest';
import { bringAbout } from '../../../scripts/lib/engine/bring-about.js';
import { testContext } from '../../support/context.js';
import { makes } from '../../support/steps.js';

test('what is asked before a run hears of the steps that must run, and of them alone', async () => {
  const ctx = testContext();
  const first = makes('first');
  await bringAbout(ctx, [first]);
  const heard: string[][] = [];
  const report = await bringAbout(ctx, [makes('second', { needs: [first] })], {
    before: async (pending) => void heard.push(pending.map(({ id }) => id)),
  });
  expect(heard).toEqual([['second']]);
  expect(report.ran.map(({ id }) => id)).toEqual(['second']);
});

test('nothing is asked where there is nothing to do', async () => {
  const ctx = testContext();
  await bringAbout(ctx, [makes('only')]);
  const before = async (): Promise<void> => expect.unreachable('it was asked');
  expect(await bringAbout(ctx, [makes('only')], { before })).toMatchObject({ ran: [], fresh: ['only'] });
});

test('nothing runs when what is asked before says no', async () => {
  let worked = false;
  const goal = makes('goal', {
    work: () => {
      worked = true;
    },
  });
  const before = async (): Promise<void> => {
    throw new Error('not here');
  };
  await expect(bringAbout(testContext(), [goal], { before })).rejects.toThrow('not here');
  expect(worked).toBe(false);
});
