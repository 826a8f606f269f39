import { describe, expect, test } from 'vitest';
import { inOrder } from '../../../../scripts/lib/engine/plan.js';
import { machineFits } from '../../../../scripts/lib/host/doctor/before-run.js';
import { type Check, fail, pass, skip, warn } from '../../../../scripts/lib/host/doctor/check.js';
import { checksBefore, examine, refuseUnfit } from '../../../../scripts/lib/host/doctor/examine.js';
import { checks } from '../../../../scripts/lib/host/doctor/index.js';
import { reportLines } from '../../../../scripts/lib/host/doctor/report.js';
import { clusterGoals } from '../../../../scripts/steps/cluster.js';
import { environmentOf } from '../../../../scripts/steps/environment.js';
import { checkout } from '../../../support/checkout.js';
import { testContext } from '../../../support/context.js';
import { fakeRunner } from '../../../support/fake-runner.js';
import { fakeMachine, scene } from '../../../support/machine.js';
import { defaultProfile } from '../../../support/profiles.js';

const check = (id: string, look: Check['look'], more: Partial<Check> = {}): Check => ({
  id,
  title: `the ${id}`,
  quick: true,
  look,
  ...more,
});
const good = check('good', async () => pass('all is well'));
const odd = check('odd', async () => warn('a bit low', 'raise it'));
const bad = check('bad', async () => fail('is missing', 'install it'));
const idle = check('idle', async () => skip('no engine answers'));
const work = [{ id: 'criu', asRoot: true as const }];

describe('looking at a machine', () => {
  test('keeps the order of the checks', async () => {
    expect((await examine([good, odd, bad], scene())).map(({ id, verdict }) => [id, verdict])).toEqual([
      ['good', 'pass'],
      ['odd', 'warn'],
      ['bad', 'fail'],
    ]);
  });

  test('takes a check that breaks for a warning, in one line without a stack', async () => {
    const broken = check('broken', async () => {
      throw new Error('no such thing\nsecond line');
    });
    expect(await examine([broken], scene())).toEqual([
      { id: 'broken', title: 'the broken', verdict: 'warn', seen: 'could not be told: no such thing' },
    ]);
  });

  test('waits no longer than it may for a check that hangs, and shows the others', async () => {
    const hanging = check('hanging', () => new Promise(() => undefined));
    const found = await examine([hanging, good], scene(), 20);
    expect(found.map(({ verdict, seen }) => [verdict, seen])).toEqual([
      ['warn', 'could not be told: no answer in 0.02 s'],
      ['pass', 'all is well'],
    ]);
  });

  test('bounds every command in time, and asks in the C locale', async () => {
    const runner = fakeRunner({ 'docker info': '' });
    const asks = check('asks', async (on) => pass((await on.runner.run('docker', ['info'], { timeoutMs: 20_000 })).stdout));
    await refuseUnfit(testContext({ runner }), [asks], work);
    expect(runner.calls[0]?.options).toMatchObject({ timeoutMs: 2500, env: { LC_ALL: 'C' } });
  });

  test('asks once for what several checks want to know', async () => {
    const on = scene();
    let asked = 0;
    const ask = async (): Promise<number> => ++asked;
    expect(await Promise.all([on.once('engine', ask), on.once('engine', ask)])).toEqual([1, 1]);
  });

  test('has an ID and a title of its own for each check', () => {
    for (const name of ['id', 'title'] as const) expect(new Set(checks.map((one) => one[name])).size).toBe(checks.length);
  });
});

describe('before a run', () => {
  const ids = (pending: Parameters<typeof checksBefore>[1]): string[] => checksBefore(checks, pending).map(({ id }) => id);

  test('only quick checks are asked', () => {
    expect(checksBefore([good, check('slow', async () => pass(''), { quick: false })], work)).toEqual([good]);
  });

  test('root matters where a step works as root', () => {
    expect(ids([{ id: 'kind' }])).not.toContain('sudo');
    expect(ids([{ id: 'kind' }, { id: 'build-packages', asRoot: true }])).toContain('sudo');
  });

  test('ports matter where a cluster is created', () => {
    expect(ids(work)).not.toContain('ports');
    expect(ids([{ id: 'cluster-checkpoint' }])).toContain('ports');
  });

  test('the steps by which that is told are those that there are', () => {
    const there = inOrder([...environmentOf(defaultProfile), ...clusterGoals(testContext({ root: checkout }))]).map(({ id }) => id);
    expect(there).toEqual(expect.arrayContaining(['criu', 'kubernetes', 'cluster-checkpoint']));
  });

  test('memory matters where Kubernetes or CRIU is compiled', () => {
    expect(ids([{ id: 'cluster-checkpoint' }])).not.toContain('memory');
    expect(ids([{ id: 'kubernetes' }])).toContain('memory');
  });

  test('what fails is listed with what mends it, warnings are not', async () => {
    const ctx = testContext();
    await expect(refuseUnfit(ctx, [good, odd, bad], work)).rejects.toMatchObject({
      name: 'ToolkitError',
      message: expect.stringContaining('not ready'),
      details: ['✖ the bad: is missing', '  → install it'],
      hint: expect.stringContaining('npm run doctor'),
    });
    expect(ctx.said).toEqual([]);
  });

  test('nothing is refused for warnings', async () => {
    await refuseUnfit(testContext(), [good, odd], work);
  });

  test('nothing is asked where there is nothing to do', async () => {
    await refuseUnfit(testContext(), [bad], []);
  });

  test('the quick checks start no container and use no network', async () => {
    const runner = fakeRunner(({ line }) =>
      /^docker (info|version|context inspect|ps)\b/.test(line) ? '{}' : line === 'sudo -n true' ? '' : undefined,
    );
    const ctx = testContext({ runner });
    const reached: string[] = [];
    const reach = async (url: string): Promise<{ ok: boolean; seen: string }> => {
      reached.push(url);
      return { ok: true, seen: '' };
    };
    const pending = [{ id: 'criu', asRoot: true as const }, { id: 'kubernetes' }, { id: 'cluster-checkpoint' }];
    const files = { '/usr/bin/apt-get': '' };
    const owners = { [ctx.paths.root]: { uid: 1000, writable: true } };
    await refuseUnfit(ctx, checks, pending, { machine: fakeMachine({ files, owners }), reach, ports: [{ port: 80, protocol: 'tcp' }] });
    expect(reached).toEqual([]);
  });
});

test('a run whose machine fits is let go on, one that does not is refused', async () => {
  const runner = fakeRunner(({ line }) => (/^docker (info|version|context inspect)\b/.test(line) ? '{}' : undefined));
  const ctx = testContext({ runner });
  const facts = { files: { '/usr/bin/apt-get': '' }, owners: { [ctx.paths.root]: { uid: 1000, writable: true } } };
  await machineFits(ctx, { machine: fakeMachine(facts) })([{ id: 'kind' }]);
  await expect(machineFits(ctx, { machine: fakeMachine({ ...facts, arch: 'arm64' }) })([{ id: 'kind' }])).rejects.toMatchObject({
    details: [expect.stringContaining('arm64'), expect.any(String)],
  });
});

describe('the report', () => {
  test('has a line for each check, what mends it below, and a sum', async () => {
    const lines = reportLines(await examine([good, odd, bad, idle], scene()));
    expect(lines.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      '✔ pass the good all is well',
      '! warn the odd a bit low',
      ' → raise it',
      '✖ fail the bad is missing',
      ' → install it',
      '– skip the idle not asked: no engine answers',
      '1 pass, 1 warn, 1 fail, 1 not asked',
    ]);
  });
});
