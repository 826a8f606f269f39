import { expect, test } from 'vitest';
import { ratio } from '../../../scripts/bench/figures.js';
import { plotOf } from '../../../scripts/bench/plot.js';
import { figuresOf, reportOf, type Sample, type Way } from '../../../scripts/bench/report.js';
import bench from '../../../scripts/tasks/bench.js';
import { SIZE_NAMES } from '../../../scripts/workloads/ballast.js';
import { testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

/** Three samples of each way and size; `times` gives what the middle one has, seconds. */
function samplesOf(times: Readonly<Record<Way, { frozen: number; call: number }>>): Sample[] {
  return SIZE_NAMES.flatMap((size) =>
    (Object.entries(times) as Array<[Way, { frozen: number; call: number }]>).flatMap(([way, { frozen, call }]) =>
      [0.5, 1, 7].map((factor) => ({ way, size, frozen: frozen * factor, call: call * factor })),
    ),
  );
}

const good = samplesOf({
  runc: { frozen: 0.5, call: 0.6 },
  pause: { frozen: 0.01, call: 0.02 },
  ours: { frozen: 0.6, call: 1.2 },
  stock: { frozen: 4, call: 6 },
});

test('each size is held against runc alone, the largest against containerd without patches', () => {
  const figures = figuresOf(good);
  expect(figures.map(({ name, against, goal }) => [name, against, Number(goal.toFixed(2))])).toEqual([
    ['stands still, small', 'runc alone', 1.3],
    ['stands still, 64 MiB', 'runc alone', 1.3],
    ['stands still, 256 MiB', 'runc alone', 1.3],
    ['stands still, 1 GiB', 'runc alone', 1.3],
    ['stands still, 1 GiB', 'stock containerd', 0.33],
    ['call, 1 GiB', 'runc alone', 3],
    ['call, 1 GiB', 'stock containerd', 0.5],
  ]);
  expect(figures.map((figure) => Number(ratio(figure).toFixed(3)))).toEqual([1.2, 1.2, 1.2, 1.2, 0.15, 2, 0.2]);
});

test('a report tells medians, ratios and where the time goes', () => {
  const lines = reportOf(good)
    .split('\n')
    .filter((line) => line.includes(' 1 GiB '))
    .map((line) =>
      line
        .split('│')
        .map((cell) => cell.trim())
        .filter(Boolean),
    );
  expect(lines).toEqual([
    ['1 GiB', '0.500', '4.000', '0.600', '1.20', '6.67'],
    ['1 GiB', '0.600', '6.000', '1.200', '2.00', '5.00'],
    ['1 GiB', '0.500', '0.010', '0.090', '0.600'],
  ]);
  expect(reportOf(good)).not.toContain('missed');
});

test('a goal that is missed is named', () => {
  const slow = good.map((sample) => (sample.way === 'ours' ? { ...sample, frozen: sample.frozen * 2 } : sample));
  expect(reportOf(slow)).toContain('missed: stands still, 1 GiB against runc alone: 2.40, not 1.30');
});

test('a plot is an SVG picture with both panels, all sizes and ways', async () => {
  const svg = await plotOf(good);
  expect(svg).toMatch(/^<svg /);
  for (const text of ['the container stands still', 'the whole call', 'runc alone', 'stock containerd', 'ours', ...SIZE_NAMES])
    expect(svg).toContain(text);
});

test('a benchmark that there is not is refused with the names of those that there are, before anything is made', async () => {
  const runner = fakeRunner();
  const refused = bench.run({
    flags: { name: undefined, profile: undefined, config: undefined, kubernetes: undefined, recreate: false, record: false },
    words: ['checkpoint', 'everything'],
    ctx: testContext({ runner }),
    print: () => undefined,
    printJson: () => undefined,
    forPeople: true,
  });
  await expect(refused).rejects.toMatchObject({
    message: 'there is no benchmark everything',
    hint: 'Benchmarks: api, push, checkpoint, start, migrate',
  });
  expect(runner.lines).toEqual([]);
});
