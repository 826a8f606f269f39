import { describe, expect, test } from 'vitest';
import { table } from '../../../scripts/lib/cli/table.js';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { chooseReporter, describePlan } from '../../../scripts/lib/engine/bring-about.js';
import { Course } from '../../../scripts/lib/engine/course.js';
import { plainReporter } from '../../../scripts/lib/engine/reporter.js';
import { step } from '../../../scripts/lib/engine/step.js';
import { parseSize } from '../../../scripts/lib/host/disk.js';
import { fakeClock, testContext } from '../../support/context.js';

const criu = step({ id: 'criu', title: 'CRIU', produces: () => [], run: async () => undefined });
const kind = step({ id: 'kind', title: 'kind', seconds: 40, produces: () => [], run: async () => undefined });
const host = step({ id: 'host', title: 'the host', check: async () => 'it is bare', run: async () => undefined });

describe('the reporter for logs', () => {
  /** A reporter for two steps of which one is to do, its lines, and what passes a minute. */
  function reporting(seconds = 90) {
    const clock = fakeClock();
    const lines: string[] = [];
    let alive = (): void => undefined;
    const reporter = plainReporter(
      (line) => lines.push(line),
      clock,
      (act) => {
        alive = act;
        return () => {
          alive = () => undefined;
        };
      },
    );
    const course = new Course([criu, kind], new Map([[criu, { seconds, from: 'last run' as const }]]), 3, clock);
    reporter.begin({ steps: [criu, kind, host], toDo: 2, course });
    const minute = (): void => {
      clock.pass(60_000);
      alive();
    };
    return { reporter, lines, clock, course, minute };
  }

  test('writes one line with the time of day for each event, and none for progress', async () => {
    const { reporter, lines, clock, minute } = reporting();
    reporter.started(criu, 'not made yet');
    reporter.progress(criu, 'CC criu.o');
    clock.pass(61_250);
    reporter.finished(criu, 61.25);
    reporter.failed(host, new ToolkitError('no space left', { hint: 'make some' }));
    await reporter.end();
    minute();
    expect(lines).toEqual([
      '12:00:00 2 of 3 steps to do',
      '12:00:00 ▶ CRIU (not made yet)',
      '12:01:01 ✔ CRIU 61.3 s',
      '12:01:01 ✖ the host: no space left',
    ]);
  });

  test('says once what a step waits for, and nothing of places', () => {
    const { reporter, lines } = reporting();
    const by = { title: 'build packages', weight: 1, uses: ['apt'], priority: 0 };
    for (const _ of [1, 2]) reporter.waits(criu, { thing: 'apt', by });
    reporter.waits(kind, 'places');
    expect(lines.slice(1)).toEqual(['12:00:00 … CRIU waits for apt, in use by build packages']);
  });

  test('tells once a minute what is at work, how far it is, and that it takes longer when it does', () => {
    const { lines, course, minute } = reporting();
    course.began(criu);
    course.began(kind);
    minute();
    course.ended(kind);
    course.advanced(criu, 0.1, '100 of 1000 packages');
    minute();
    course.advanced(criu, 0.62, '620 of 1000 packages');
    minute();
    expect(lines.slice(1)).toEqual([
      '12:01:00 … 0 of 2 steps, at least 30 s left; at work: CRIU, 1 min 0 s, about 30 s left; kind, 1 min 0 s, longer than expected',
      '12:02:00 … 1 of 2 steps, longer than last time; at work: CRIU 10 %, 100 of 1000 packages, 2 min 0 s, longer than last time',
      '12:03:00 … 1 of 2 steps, about 90 s left; at work: CRIU 62 %, 620 of 1000 packages, 3 min 0 s, about 90 s left',
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
