import { expect, test } from 'vitest';
import { plan } from '../../../scripts/lib/engine/plan.js';
import { type Step, step } from '../../../scripts/lib/engine/step.js';
import { testContext } from '../../support/context.js';

const checked = (id: string, check: () => Promise<string | undefined>, needs: Step[] = []): Step =>
  step({ id, title: id, needs, check, run: async () => undefined });

test('steps are asked side by side, those that need each other too, and told in order', async () => {
  const asked: string[] = [];
  let answer = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const look = (id: string) => async (): Promise<string> => {
    asked.push(id);
    // Nobody gets an answer before all have asked.
    if (asked.length === 3) answer();
    await all;
    return `${id} is missing`;
  };
  const first = checked('first', look('first'));
  const second = checked('second', look('second'), [first]);
  const third = checked('third', look('third'), [second]);
  const entries = await plan([third], testContext());
  expect(entries.map(({ step: { id }, reason }) => [id, reason])).toEqual([
    ['first', 'first is missing'],
    ['second', 'second is missing'],
    ['third', 'third is missing'],
  ]);
  expect(Object.keys(entries[2]?.parts ?? {})).toEqual(['second']);
});

test('of two failures the one is told whose step comes first, though it came last', async () => {
  const late = checked('late', async () => {
    await new Promise((resolve) => setImmediate(resolve));
    throw new TypeError('late');
  });
  const quick = checked('quick', async () => {
    throw new TypeError('quick');
  });
  await expect(plan([late, quick], testContext())).rejects.toThrow('late');
});
