import { describe, expect, test } from 'vitest';
import { parseSize } from '../../scripts/lib/disk.js';
import { ToolkitError } from '../../scripts/lib/errors.js';
import { plainReporter } from '../../scripts/lib/reporter.js';
import { step } from '../../scripts/lib/step.js';
import { table } from '../../scripts/lib/table.js';
import { chooseReporter, describePlan } from '../../scripts/lib/tasks.js';
import { fakeClock, testContext } from '../support/context.js';

const criu = step({ id: 'criu', title: 'CRIU', produces: () => [], run: async () => undefined });
const host = step({ id: 'host', title: 'the host', check: async () => 'it is bare', run: async () => undefined });

describe('the reporter for logs', () => {
  test('writes one line with the time of day for each event, and none for progress', async () => {
    const clock = fakeClock();
    const lines: string[] = [];
    const reporter = plainReporter((line) => lines.push(line), clock);
    reporter.begin([
      { step: criu, reason: 'not made yet' },
      { step: host, reason: undefined },
    ]);
    reporter.started(criu, 'not made yet');
    reporter.progress(criu, 'CC criu.o');
    clock.pass(61_250);
    reporter.finished(criu, 61.25);
    reporter.failed(host, new ToolkitError('no space left', { hint: 'make some' }));
    await reporter.end();
    expect(lines).toEqual([
      '12:00:00 1 of 2 steps to do',
      '12:00:00 ▶ CRIU (not made yet)',
      '12:01:01 ✔ CRIU 61.3 s',
      '12:01:01 ✖ the host: no space left',
    ]);
  });

  test.each([
    { env: { CI: 'true' }, terminal: true },
    { env: {}, terminal: false },
    { env: { CI: 'false' }, terminal: false },
  ])('is chosen for terminal $terminal with $env', ({ env, terminal }) => {
    const ctx = testContext({ env });
    chooseReporter(ctx, terminal).started(criu, 'not made yet');
    expect(ctx.said).toEqual(['12:00:00 ▶ CRIU (not made yet)']);
  });
});

test('a plan for people shows every step with its reason, and the same for programs', async () => {
  const fresh = step({ id: 'fresh', title: 'Go', check: async () => undefined, run: async () => undefined });
  expect(await describePlan(testContext(), [fresh, criu, host])).toEqual({
    lines: ['✔ Go        done', '▶ CRIU      not made yet', '▶ the host  it is bare'],
    steps: [
      { id: 'fresh', title: 'Go', reason: null },
      { id: 'criu', title: 'CRIU', reason: 'not made yet' },
      { id: 'host', title: 'the host', reason: 'it is bare' },
    ],
  });
});

test('a table has numbers to the right, the rest to the left', () => {
  const lines = table(
    ['step', 'seconds', 'reason'],
    [
      ['CRIU', '1.5', 'changed'],
      ['Kubernetes', '120.0', 'not made yet'],
    ],
  ).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines).toContain('│ CRIU       │     1.5 │ changed      │');
  expect(lines).toContain('│ Kubernetes │   120.0 │ not made yet │');
});

test.each([
  ['0B', 0],
  ['512B', 512],
  ['1.5kB', 1500],
  ['12MB', 12e6],
  ['1.2GB', 1.2e9],
  ['3TB', 3e12],
  ['', 0],
  ['N/A', 0],
])("Docker's size %j is %d bytes", (text, bytes) => {
  expect(parseSize(text)).toBeCloseTo(bytes);
});
