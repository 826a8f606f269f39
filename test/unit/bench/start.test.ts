import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ratio } from '../../../scripts/bench/figures.js';
import { benchStart } from '../../../scripts/bench/start.js';
import { fakeClock, testContext } from '../../support/context.js';
import { type Call, fakeRunner } from '../../support/fake-runner.js';

/** Milliseconds by what is run. */
function duration({ file, args, options }: Call): number {
  if (file === 'npm') return args[1] === 'setup' ? 500 : 250;
  return args[0] === '-e' ? 100 : options.cwd === undefined ? 0 : 150;
}

function world(setup = 'everything is in place (0.1 s)') {
  const clock = fakeClock();
  const runner = fakeRunner((call) => {
    clock.pass(duration(call));
    return call.args.join(' ') === 'run setup' ? setup : '';
  });
  return { runner, ctx: testContext({ runner, clock }) };
}

test('helps are held against bare Node, a setup with nothing to do against bare npm, by turns', async () => {
  const { runner, ctx } = world();
  const { figures } = await benchStart(ctx);
  expect(figures.map((figure) => [figure.name, figure.against, Number(ratio(figure).toFixed(2)), figure.goal])).toEqual([
    ['setup --help', 'node -e 0', 1.5, 3],
    ['doctor --help', 'node -e 0', 1.5, 3],
    ['checkpoint --help', 'node -e 0', 1.5, 3],
    ['kubectl-checkpoint --help', 'node -e 0', 1.5, 3],
    ['npm run setup with nothing to do', 'npm running an empty script', 2, 3],
  ]);
  const round = runner.lines.slice(0, 7);
  expect(new Set(round).size).toBe(7);
  expect(runner.lines).toEqual(Array.from({ length: 10 }, () => round).flat());
  expect(figures.every(({ measured, baseline }) => measured.length === 9 && baseline.length === 9)).toBe(true);
  expect(await readdir(ctx.paths.cache)).toEqual([]);
});

test('a setup that had something to do is not measured', async () => {
  const { ctx } = world('done: 1 steps in 2.0 s');
  await expect(benchStart(ctx)).rejects.toThrow('npm run setup had something to do');
  expect(await readdir(ctx.paths.cache)).toEqual([]);
});
