import { expect, test } from 'vitest';
import type { RunningContainer } from '../../../scripts/lib/cluster/pod.js';
import { BALLAST, longestGap, parseTicks, runsOn } from '../../../scripts/workloads/ballast.js';
import { fakeClock, testContext } from '../../support/context.js';
import { type Answers, fakeRunner } from '../../support/fake-runner.js';

const container: RunningContainer = {
  namespace: 'default',
  pod: 'ballast-1g',
  container: BALLAST,
  node: 'node',
  id: '1234',
  restartCount: 0,
  image: 'ballast:latest',
};

/** A pod of which the process runs for so long, on its own clock; it has been seen to stand still for 0.8 s at 5. */
function world({ runsFor = Number.POSITIVE_INFINITY, restarts = 0, paused = false, logsAfter = 0 } = {}) {
  const clock = fakeClock();
  const start = clock.now();
  const answers: Answers = ({ args }) => {
    const line = args.join(' ');
    const passed = (clock.now() - start) / 1000;
    if (line.includes(' logs ')) {
      if (passed < logsAfter) return 1;
      const now = 10 + Math.min(passed, runsFor);
      return ['4.000 0.002', '5.000 0.812', '6.000 0.003', `${now.toFixed(3)} 0.004`].join('\n');
    }
    if (line.includes('tasks ls')) return `TASK PID STATUS\n1234 1 ${paused ? 'PAUSED' : 'RUNNING'}`;
    if (line.includes(' get pod '))
      return JSON.stringify({
        metadata: { name: container.pod, namespace: 'default' },
        spec: { nodeName: 'node', containers: [{ name: BALLAST }] },
        status: {
          phase: 'Running',
          containerStatuses: [{ name: BALLAST, containerID: 'containerd://1234', image: 'ballast', restartCount: restarts, ready: true }],
        },
      });
    return undefined;
  };
  return testContext({ clock, runner: fakeRunner(answers) });
}

test('the lines of a ballast are read, and one that is cut off is not', () => {
  expect(parseTicks('1.000 0.002\n2.000 0.812\n3.0')).toEqual([
    { at: 1, gap: 0.002 },
    { at: 2, gap: 0.812 },
  ]);
  expect(parseTicks('')).toEqual([]);
});

test('a gap counts from a point on the clock of the process on', () => {
  const ticks = parseTicks('1.000 0.900\n2.000 0.002\n3.000 0.412\n');
  expect(longestGap(ticks, 0)).toBe(0.9);
  expect(longestGap(ticks, 1)).toBe(0.412);
  expect(longestGap(ticks, 3)).toBe(0);
});

test('a process whose clock goes on runs, and its longest gap is told', async () => {
  expect(await runsOn(world(), container, 4.5)).toBe(0.812);
  expect(await runsOn(world(), container, 5.5)).toBe(0.004);
});

test('a kubelet that is just coming back is waited for', async () => {
  expect(await runsOn(world({ logsAfter: 20 }), container, 5.5)).toBe(0.004);
});

test.each([
  ['that stands still', { runsFor: 0.5 }, 'the process of pod ballast-1g goes on: has not come about in 90 s'],
  ['that was restarted', { restarts: 1 }, 'restartCount: expected 0, found 1'],
  ['that the runtime counts as paused', { paused: true }, 'the runtime counts the container of pod ballast-1g as paused'],
])('a process %s is told', async (_, state, message) => {
  await expect(runsOn(world(state), container, 0)).rejects.toThrow(message);
});
