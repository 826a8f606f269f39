import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { installPackages, missingPackages, readSimulation, updateLists } from '../../../scripts/lib/host/apt.js';
import { testContext } from '../../support/context.js';
import { type Answer, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

describe('packages', () => {
  const query = (names: string): string => `dpkg-query -W -f $'\${Package} \${db:Status-Status}\\\\n' ${names}`;

  test('that dpkg does not call installed are missing', async () => {
    const runner = fakeRunner({
      [query('git make libcap-dev nftables unheard-of')]: {
        stdout: 'git installed\nmake not-installed\nlibcap-dev installed\nlibcap-dev installed\nnftables config-files',
        stderr: 'dpkg-query: no packages found matching unheard-of',
        exitCode: 1,
      },
    });
    expect(await missingPackages(runner, ['git', 'make', 'libcap-dev', 'nftables', 'unheard-of'])).toEqual([
      'make',
      'nftables',
      'unheard-of',
    ]);
  });

  test('are all missing when dpkg knows none', async () => {
    expect(await missingPackages(fakeRunner({ [query('git')]: 1 }), ['git'])).toEqual(['git']);
  });
});

/** An apt that answers by what it is asked for; each list is used up from its front, its last answer stays. */
function fakeApt(answers: Partial<Record<'update' | 'simulate' | 'install', Answer[]>> = {}): FakeRunner {
  return fakeRunner(({ args }) => {
    if (args.includes('indextargets')) return 'main\nuniverse';
    const left = answers[args.includes('update') ? 'update' : args.includes('--simulate') ? 'simulate' : 'install'] ?? [''];
    return left.length > 1 ? left.shift() : left[0];
  });
}

/** The words after apt-get, of each call. */
const asked = (runner: FakeRunner): string[] =>
  runner.lines.filter((line) => !line.includes('indextargets')).map((line) => line.replace(/^.*?apt-get /, ''));
const HELD = 'E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)';

describe('an installation', () => {
  test('refreshes the lists, looks what would happen, and removes nothing', async () => {
    const runner = fakeApt();
    await installPackages(testContext({ runner }), ['git', 'make']);
    expect(asked(runner)).toEqual([
      'update',
      '--simulate install --no-install-recommends --no-remove git make',
      '--yes --option Dpkg::Options::=--force-confdef --option Dpkg::Options::=--force-confold install --no-install-recommends --no-remove git make',
    ]);
  });

  test('asks no questions, in any language, and restarts no service; through sudo too', async () => {
    const runner = fakeApt();
    await installPackages(testContext({ runner }), ['git']);
    // sudo resets the environment: what is set must be part of the command.
    expect(runner.calls[2]?.args).toEqual(expect.arrayContaining(['LC_ALL=C', 'DEBIAN_FRONTEND=noninteractive', 'NEEDRESTART_MODE=l']));
  });

  test('goes through the proxies of the environment, whichever way they are written', async () => {
    const runner = fakeApt();
    await installPackages(testContext({ runner, env: { http_proxy: 'http://p:3128', HTTPS_PROXY: 'http://q:3128' } }), ['git']);
    expect(runner.calls[0]?.args).toEqual(expect.arrayContaining(['http_proxy=http://p:3128', 'https_proxy=http://q:3128']));
  });

  test('tells what comes along, and what is upgraded for it', async () => {
    const simulation = [
      'NOTE: This is only a simulation!',
      'Inst libgnutls30 [3.7.9-2+deb12u2] (3.7.9-2+deb12u5 Debian:12.12/oldstable [amd64]) []',
      'Inst libtasn1-6-dev (4.19.0-2 Debian:12.12/oldstable [amd64])',
      'Inst libgnutls28-dev (3.7.9-2+deb12u5 Debian:12.12/oldstable [amd64])',
      'Conf libgnutls30 (3.7.9-2+deb12u5 Debian:12.12/oldstable [amd64])',
    ].join('\n');
    expect(readSimulation(simulation)).toEqual({
      installed: ['libtasn1-6-dev', 'libgnutls28-dev'],
      upgraded: [{ name: 'libgnutls30', from: '3.7.9-2+deb12u2', to: '3.7.9-2+deb12u5' }],
    });
    const ctx = testContext({ runner: fakeApt({ simulate: [simulation] }) });
    await installPackages(ctx, ['libgnutls28-dev']);
    expect(ctx.said).toEqual([
      'apt installs: libgnutls28-dev, and 1 more that it needs',
      'apt upgrades for them: libgnutls30 3.7.9-2+deb12u2 → 3.7.9-2+deb12u5',
    ]);
  });

  test('of two callers refreshes the lists once, in another run once more', async () => {
    const runner = fakeApt();
    const ctx = testContext({ runner });
    // A step has a context of its own, over the paths of the run.
    await Promise.all([installPackages({ ...ctx }, ['git']), installPackages({ ...ctx }, ['make'])]);
    expect(asked(runner).filter((line) => line === 'update')).toHaveLength(1);
    await updateLists(ctx, { again: true });
    await updateLists(testContext({ runner }));
    expect(asked(runner).filter((line) => line === 'update')).toHaveLength(3);
  });

  test('is tried once more with fresh lists when the mirror has replaced a package', async () => {
    const gone = { exitCode: 100, stderr: 'E: Failed to fetch http://mirror.example/g/git_1_amd64.deb  404  Not Found [IP: 1.2.3.4 80]' };
    const runner = fakeApt({ install: [gone, ''] });
    await installPackages(testContext({ runner }), ['git']);
    expect(asked(runner).map((line) => line.split(' ')[0])).toEqual(['update', '--simulate', '--yes', 'update', '--yes']);
    await expect(installPackages(testContext({ runner: fakeApt({ install: [gone] }) }), ['git'])).rejects.toMatchObject({
      hint: expect.stringMatching(/mirror lacks files/),
    });
  });

  test('goes on when one source cannot be refreshed, and says so', async () => {
    const broken = { exitCode: 100, stderr: "E: The repository 'http://ppa.example noble Release' does not have a Release file." };
    const ctx = testContext({ runner: fakeApt({ update: [broken] }) });
    await installPackages(ctx, ['git']);
    expect(ctx.said[0]).toBe(
      "apt could not refresh its package lists wholly, and goes on with what it has: The repository 'http://ppa.example noble Release' does not have a Release file.",
    );
  });

  test('that sudo does not grant ends at the refresh', async () => {
    const denied = { exitCode: 1, stderr: 'sudo: a password is required' };
    const runner = fakeApt({ update: [denied] });
    await expect(installPackages(testContext({ runner }), ['git'])).rejects.toMatchObject({
      message: 'apt could not refresh its package lists',
      hint: 'Run as root, or as a user who may use sudo.',
    });
    expect(asked(runner)).toEqual(['update']);
  });
});

test('a name of this machine that sudo cannot resolve is not taken for the reason why apt failed', async () => {
  const stderr = "sudo: Rechner »box« kann nicht aufgelöst werden\nE: Failed to fetch http://m/git.deb  Temporary failure resolving 'm'";
  const runner = fakeApt({ install: [{ exitCode: 100, stderr }] });
  await expect(installPackages(testContext({ runner }), ['git'])).rejects.toMatchObject({
    hint: expect.stringContaining('name resolution'),
  });
});

describe('a held lock', () => {
  test.each([
    ['of dpkg', 'install', HELD],
    ['of the lists', 'update', 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (unattended-upgr)'],
    ['of the archives', 'install', 'E: Could not get lock /var/cache/apt/archives/lock. It is held by process 812 (unattended-upgr)'],
  ] as const)('%s is waited for, and its holder named', async (_, command, stderr) => {
    const held = { exitCode: 100, stderr };
    const runner = fakeApt({ [command]: [...Array(20).fill(held), ''] });
    const ctx = testContext({ runner });
    const shown: string[] = [];
    await installPackages({ ...ctx, status: (line) => shown.push(line) }, ['git']);
    expect(shown).toContain('apt is held by unattended-upgr, process 812: waiting, 40 s');
    // Where no line shows it, once a minute.
    expect(ctx.said.filter((line) => line.startsWith('apt is held'))).toEqual([
      'apt is held by unattended-upgr, process 812: waiting, 0 s',
      'apt is held by unattended-upgr, process 812: waiting, 60 s',
    ]);
  });

  test('ends the wait after ten minutes, with an error that names the holder', async () => {
    const ctx = testContext({ runner: fakeApt({ install: [{ exitCode: 100, stderr: HELD }] }) });
    const start = ctx.clock.now();
    const error = await installPackages(ctx, ['git']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ToolkitError);
    expect(error).toMatchObject({
      message: 'apt has been held by unattended-upgr, process 812 for 10 minutes',
      hint: 'See what it does: ps -fp 812. When it has ended, run the same command again.',
    });
    expect(ctx.clock.now() - start).toBe(600_000);
  });

  test('does not keep a stopped run', async () => {
    const ctx = testContext({ runner: fakeApt({ update: [{ exitCode: 100, stderr: HELD }] }) });
    ctx.clock.whileAsleep = () => ctx.abort.abort(new Error('stopped'));
    await expect(installPackages(ctx, ['git'])).rejects.toThrow('stopped');
  });
});
