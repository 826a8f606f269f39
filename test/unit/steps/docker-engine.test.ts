import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { addSuite, bringUpEngine, dockerEngine } from '../../../scripts/steps/docker-engine.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { closedEngine, dockerAnswers, noDocker, silentEngine, withoutSudo } from '../../support/docker.js';
import { type Answer, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

const engine = dockerAnswers;

const POLICY = [
  'docker.io:',
  '  Installed: (none)',
  '  Candidate: 29.1.3-0ubuntu1',
  'docker-buildx:',
  '  Installed: (none)',
  '  Candidate: 0.21.3-0ubuntu1',
  '',
].join('\n');

/** A machine whose docker answers thus, changing after apt has installed something and after the engine was started. */
function machine({
  docker,
  dockerd = '/usr/sbin/dockerd',
  installed = docker,
  started = installed,
  policy = POLICY,
  policyOfSuite = policy,
}: {
  docker: Record<string, Answer>;
  dockerd?: string;
  installed?: Record<string, Answer>;
  started?: Record<string, Answer>;
  policy?: string;
  /** What apt offers when another suite was added. */
  policyOfSuite?: string;
}): FakeRunner {
  let now = docker;
  let program = dockerd;
  let offered = policy;
  return fakeRunner(({ line, file, args }) => {
    if (line.startsWith('docker ')) return now[line];
    if (line.includes('command -v dockerd')) return program;
    if (line.includes('command -v docker')) return '/usr/bin/docker';
    if (line.includes('command -v')) return '/usr/bin/apt-get';
    if (file === 'apt-cache') return offered;
    if (file === 'tee') {
      offered = policyOfSuite;
      return '';
    }
    if (args.includes('indextargets')) return 'Debian|bookworm|http://mirror.example/debian/';
    if (file === 'sudo' && args.includes('usermod')) {
      now = started;
      return '';
    }
    if (line.includes('start-stop-daemon') || line === 'systemctl start docker') {
      now = started;
      return '';
    }
    if (file === 'systemctl') return '';
    if (args.includes('install') && args.includes('--yes')) {
      now = installed;
      program = '/usr/sbin/dockerd';
      return '';
    }
    return line.includes('apt-get') ? '' : undefined;
  });
}

const installs = (runner: FakeRunner): string[] =>
  runner.calls
    .filter(({ args }) => args.includes('install') && args.includes('--yes'))
    .map(({ args }) => args.slice(args.indexOf('--no-remove') + 1).join(' '));

const up = (runner: FakeRunner, osRelease?: string) => bringUpEngine(testContext({ runner: withoutSudo(runner) }), osRelease);

describe('an engine that answers', () => {
  test.each(['23.0.6', '26.1.5+dfsg1', '28.5.2', '29.7.0', '31.0.0'])('of version %s is used as it is', async (version) => {
    const runner = machine({ docker: engine({ info: { ServerVersion: version } }) });
    expect(await dockerEngine.check(testContext({ runner }))).toBeUndefined();
  });

  test('is left alone where all is there', async () => {
    const runner = machine({ docker: engine() });
    await up(runner);
    expect(runner.lines.filter((line) => !line.startsWith('docker '))).toEqual([]);
  });

  test('gets its builder where that is missing, and is not restarted', async () => {
    const runner = machine({ docker: engine({ buildx: null }), installed: engine() });
    expect(await dockerEngine.check(testContext({ runner }))).toBe('its builder (buildx) is missing');
    await up(runner);
    expect(installs(runner)).toEqual(['docker-buildx']);
    expect(runner.lines.filter((line) => /systemctl|start-stop-daemon/.test(line))).toEqual([]);
  });

  test('and does not fit is named by the plan, and refused before anything is installed', async () => {
    const runner = machine({ docker: engine({ info: { SecurityOptions: ['name=rootless'] }, buildx: null }) });
    const ctx = testContext({ runner });
    expect(await dockerEngine.check(ctx)).toContain('rootless engine');
    await expect(bringUpEngine(ctx)).rejects.toThrow('rootless engine');
    expect(runner.lines.filter((line) => !line.startsWith('docker '))).toEqual([]);
  });
});

describe('where no engine answers', () => {
  test('it is installed with what apt offers, and used as that has started it', async () => {
    const runner = machine({ docker: noDocker(), dockerd: '', installed: engine() });
    expect(await dockerEngine.check(testContext({ runner }))).toBe('there is no program docker');
    await up(runner);
    expect(installs(runner)).toEqual(['docker.io docker-buildx']);
    expect(runner.lines.filter((line) => line.includes('start-stop-daemon'))).toEqual([]);
  });

  test('it is started where it is installed', async () => {
    const runner = machine({ docker: engine(silentEngine), started: engine() });
    expect(await dockerEngine.check(testContext({ runner }))).toBe('it does not run');
    await up(runner);
    expect(installs(runner)).toEqual([]);
    expect(runner.lines.some((line) => /start-stop-daemon|systemctl start docker/.test(line))).toBe(true);
  });

  test('because it hangs, it is left alone: it may be running', async () => {
    const hanging = Object.fromEntries(Object.keys(dockerAnswers()).map((line) => [line, 124]));
    const runner = machine({ docker: hanging });
    expect(await dockerEngine.check(testContext({ runner }))).toBe('it hangs');
    await expect(up(runner)).rejects.toThrow('does not come to an end');
    expect(runner.lines.filter((line) => !line.startsWith('docker '))).toEqual([]);
  });

  test('one that apt brought and that is too old is refused', async () => {
    const runner = machine({ docker: noDocker(), dockerd: '', installed: engine({ info: { ServerVersion: '20.10.24' } }) });
    await expect(up(runner)).rejects.toThrow('Docker 20.10.24 is too old');
  });

  test('and there is no apt, the versions that work are named', async () => {
    const runner = fakeRunner(({ line }) => noDocker()[line] ?? { exitCode: 127 });
    await expect(up(runner)).rejects.toMatchObject({
      message: 'there is no Docker engine, and no apt-get to install one with',
      hint: expect.stringContaining('Docker 23 or newer'),
    });
  });
});

test('a suite is held down before apt can know it: a run that is killed in between must not upgrade the whole machine', async () => {
  const runner = fakeRunner(() => '');
  await addSuite(testContext({ runner }), { uri: 'http://mirror.example/debian/', signedBy: '/usr/share/keyrings/some.gpg' });
  expect(runner.calls.map(({ args }) => args.at(-1))).toEqual([
    expect.stringMatching(/^\/etc\/apt\/preferences\.d\//),
    expect.stringMatching(/^\/etc\/apt\/sources\.list\.d\//),
  ]);
  expect(runner.calls[0]?.options.input).toContain('Package: *\nPin: release o=Debian,n=trixie\nPin-Priority: 50\n');
});

describe('an engine that does not let this user in', () => {
  test('must be made to', async () => {
    expect(await dockerEngine.check(testContext({ runner: machine({ docker: engine(closedEngine) }) }))).toBe(
      'this user may not talk to it',
    );
  });

  test('lets in a member of its group; nothing is installed and nothing started', async () => {
    const runner = machine({ docker: engine(closedEngine), dockerd: '', started: engine() });
    await bringUpEngine(testContext({ runner }));
    expect(runner.lines.filter((line) => line.includes('usermod'))).toHaveLength(1);
    expect(installs(runner)).toEqual([]);
    expect(runner.lines.filter((line) => /systemctl|start-stop-daemon/.test(line))).toEqual([]);
  });

  test('still does not: what to do is said', async () => {
    const runner = machine({ docker: engine(closedEngine) });
    await expect(bringUpEngine(testContext({ runner }))).rejects.toThrow('this user may not talk to the Docker engine');
  });
});

describe('where apt offers an engine that is too old, or none', () => {
  const TOO_OLD = POLICY.replace('29.1.3-0ubuntu1', '20.10.24+dfsg1-1').replace('0.21.3-0ubuntu1', '(none)');
  const osRelease = (text: string): Promise<string> => put(path.join(temporaryFolder(), 'os-release'), text);
  const written = (runner: FakeRunner): string[] => runner.calls.filter(({ file }) => file === 'tee').map(({ args }) => args[0] ?? '');

  test('on a Debian before 13, that suite is added, and the engine comes from there', async () => {
    const runner = machine({ docker: noDocker(), dockerd: '', installed: engine(), policy: TOO_OLD, policyOfSuite: POLICY });
    await up(runner, await osRelease('ID=debian\nVERSION_CODENAME=bookworm\n'));
    expect(written(runner)).toEqual([
      '/etc/apt/preferences.d/kind-checkpoint-trixie',
      '/etc/apt/sources.list.d/kind-checkpoint-trixie.sources',
    ]);
    expect(runner.calls.find(({ args }) => args[0]?.endsWith('.sources'))?.options.input).toContain(
      'URIs: http://mirror.example/debian/\n',
    );
    const lines = runner.lines.map((line) => (/ update$/.test(line) ? 'update' : line));
    expect(lines.lastIndexOf('update')).toBeGreaterThan(lines.findIndex((line) => line.includes('.sources')));
    expect(installs(runner)).toEqual(['docker.io docker-buildx']);
  });

  test.each([
    ['on a Debian that is no older', 'ID=debian\nVERSION_CODENAME=trixie\n'],
    ['on another distribution', 'ID=ubuntu\nVERSION_CODENAME=jammy\n'],
  ])('%s, nothing is added or installed, and what to do is said', async (_, text) => {
    const runner = machine({ docker: noDocker(), dockerd: '', policy: TOO_OLD, policyOfSuite: POLICY });
    await expect(up(runner, await osRelease(text))).rejects.toMatchObject({
      message: 'apt offers no Docker engine that works',
      details: ['Its candidate for docker.io is none, or older than 23.'],
      hint: expect.stringContaining('add-apt-repository universe'),
    });
    expect(written(runner)).toEqual([]);
    expect(installs(runner)).toEqual([]);
  });

  test('and the added suite has none either, what to do is said', async () => {
    const runner = machine({ docker: noDocker(), dockerd: '', policy: TOO_OLD });
    await expect(up(runner, await osRelease('ID=debian\nVERSION_CODENAME=bookworm\n'))).rejects.toThrow('apt offers no Docker engine');
    expect(installs(runner)).toEqual([]);
  });

  test('while one is installed and only its builder is missing, it is that builder that is named', async () => {
    const runner = machine({ docker: engine({ buildx: null }), policy: TOO_OLD });
    await expect(up(runner, await osRelease('ID=ubuntu\nVERSION_CODENAME=jammy\n'))).rejects.toMatchObject({
      message: 'apt offers no builder of Docker (buildx) that works',
      details: ['It knows no package docker-buildx.'],
    });
  });
});
