import { execa } from 'execa';
import { expect, test } from 'vitest';
import { ratio } from '../../../scripts/bench/figures.js';
import { benchMigrate } from '../../../scripts/bench/migrate.js';
import { plotMigrationsOf } from '../../../scripts/bench/migrate-plot.js';
import { type MigrationSample, migrationFigures, migrationReport } from '../../../scripts/bench/migrate-report.js';
import { ourMigration, readPeak } from '../../../scripts/bench/our-migration.js';
import { makeRawBallast, rawMigration } from '../../../scripts/bench/raw-migration.js';
import type { RunningContainer } from '../../../scripts/lib/cluster/pod.js';
import { fakeClock, testContext } from '../../support/context.js';
import { type Answers, fakeRunner } from '../../support/fake-runner.js';

const stages = { prepared: 2, frozen: 0.2, dumped: 0.3, 'handed over': 0.1, restored: 0.2, 'source removed': 0.5 };
const samples: MigrationSample[] = (['small', '256 MiB', '1 GiB'] as const).flatMap((size, index) => [
  { way: 'raw', size, frozen: 0.3 * (index + 1) },
  { way: 'ours', size, frozen: 0.6, memoryBytes: 90 << 20, stages },
]);
const container: RunningContainer = {
  namespace: 'default',
  pod: 'moving-small',
  container: 'ballast',
  node: 'a',
  id: '12',
  restartCount: 0,
  image: 'ballast:latest',
};

test('each size has its goal, as a multiple of raw', () => {
  expect(migrationFigures(samples).map((figure) => [Number(ratio(figure).toFixed(2)), figure.goal])).toEqual([
    [2, 2],
    [1, 1.3],
    [0.67, 1],
  ]);
});

test('the report tells the stages, the memory of the command, and what was left', () => {
  const report = migrationReport(samples, []);
  expect(report).toMatch(/small\W+2\.000\W+0\.200\W+0\.300\W+0\.100\W+0\.200\W+0\.500/);
  expect(report).toContain('90 MiB, at most 200: reached');
  expect(report).toContain('Left on the nodes: nothing');
  expect(migrationReport([...samples, { way: 'ours', size: 'small', frozen: 1, memoryBytes: 201 << 20 }], ['a: + lease 1'])).toMatch(
    /201 MiB, at most 200: missed\nLeft on the nodes:\n {2}a: \+ lease 1/,
  );
});

test('the downtimes are drawn', async () => {
  expect(await plotMigrationsOf(samples)).toMatch(/^<svg [\s\S]*600[\s\S]*<\/svg>\n$/);
});

test('a cluster with one node is refused before anything is made', async () => {
  const runner = fakeRunner(({ line }) => (line.startsWith('docker ps') ? 'a 1 running control-plane' : undefined));
  await expect(benchMigrate(testContext({ runner }))).rejects.toMatchObject({
    message: expect.stringContaining('has one node'),
    hint: expect.stringContaining('cluster/two-workers.yaml'),
  });
});

test('a process is moved by runc into a folder and out of it; its own clock tells the downtime; nothing of the dump stays', async () => {
  const clock = fakeClock();
  const start = clock.now();
  let moved = 0;
  const answers: Answers = ({ args }) => {
    const line = args.join(' ');
    if (line.includes('runc --root /run/bench-migrate checkpoint')) moved = clock.now();
    if (line.includes(' cat ')) {
      const now = (10 + (clock.now() - start) / 1000).toFixed(3);
      return moved === 0 ? '9.000 0.900\n10.000 0.002' : `9.000 0.900\n10.000 0.002\n10.500 0.412\n${now} 0.003`;
    }
    return '';
  };
  const runner = fakeRunner(answers);
  const ctx = testContext({ clock, runner });
  const raw = await makeRawBallast(ctx, container, 256);
  expect(await rawMigration(ctx, raw)).toBe(0.412);
  expect(runner.lines.find((line) => line.includes('restore --detach'))).toContain('raw-256');
  expect(runner.lines.at(-1)).toContain('rm -rf /var/lib/bench-migrate/raw-256/image');
});

test('the pod is moved by the command itself, and followed by its new name', async () => {
  const clock = fakeClock();
  const start = clock.now();
  const answers: Answers = ({ line }) => {
    const passed = (clock.now() - start) / 1000;
    if (line.includes('checkpoint migrate moving-small --to b --force --json'))
      return {
        stdout: JSON.stringify({
          migrations: [{ to: { pod: 'moving-small-1', node: 'b' }, timeline: [{ stage: 'dumped', tookMs: 250 }] }],
          failed: [],
        }),
        stderr: 'notes\npeak 102400\n',
      };
    if (line.includes(' logs ')) return `5.000 0.812\n${(10 + passed).toFixed(3)} 0.531`;
    if (line.includes('tasks ls')) return '34 1 RUNNING';
    if (line.includes('sync')) return '';
    if (line.includes(' get pod '))
      return JSON.stringify({
        metadata: { name: 'moving-small-1', namespace: 'default' },
        spec: { nodeName: 'b', containers: [{ name: 'ballast' }] },
        status: {
          phase: 'Running',
          containerStatuses: [{ name: 'ballast', containerID: 'containerd://34', image: 'ballast', restartCount: 0, ready: true }],
        },
      });
    return undefined;
  };
  const ctx = testContext({ clock, runner: fakeRunner(answers) });
  const measured = await ourMigration(ctx, container, 'b');
  expect(measured).toMatchObject({ frozen: 0.531, memoryBytes: 100 << 20, stages: { dumped: 0.25 } });
  expect(measured.container).toMatchObject({ pod: 'moving-small-1', node: 'b', id: '34' });
});

test('the peak of a command is read by its own wrapper, and its output and exit code are its own', async () => {
  let wrapper = '';
  const runner = fakeRunner(({ line, args }) => {
    if (line.includes(' logs ')) return '1.000 0.100';
    if (line.startsWith('bash')) wrapper = args[1] ?? '';
    return line.startsWith('bash') ? { stdout: '{}', stderr: '' } : '';
  });
  await expect(ourMigration(testContext({ runner }), container, 'b')).rejects.toThrow();
  const { stdout, stderr, exitCode } = await execa('bash', ['-c', wrapper, 'bash', 'sh', '-c', 'echo out; sleep 0.3; exit 3'], {
    reject: false,
  });
  expect([stdout, exitCode]).toEqual(['out', 3]);
  expect(readPeak(stderr)).toBeGreaterThan(100_000);
  expect(() => readPeak('peak 0')).toThrow('could not be read');
});
