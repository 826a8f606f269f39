import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { configurationOf, findDockerd, restartEngine, runningDaemon, startEngine } from '../../../scripts/lib/host/docker-daemon.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { closedEngine, dockerAnswers, silentEngine, withoutSudo } from '../../support/docker.js';
import { fakeRunner } from '../../support/fake-runner.js';

const SHOW = 'systemctl show docker.service --property=ActiveState,MainPID';

/** A machine on which these files lie. */
async function machineWith(files: Readonly<Record<string, string>>): Promise<string> {
  const machine = temporaryFolder();
  for (const [name, content] of Object.entries(files)) await put(path.join(machine, name), content);
  return machine;
}

const process = (pid: number, words: readonly string[], { comm = 'dockerd', state = 'S' } = {}): Record<string, string> => ({
  [`proc/${pid}/comm`]: `${comm}\n`,
  [`proc/${pid}/stat`]: `${pid} (${comm}) ${state} 1 1 1 0 -1`,
  [`proc/${pid}/cmdline`]: words.map((word) => `${word}\0`).join(''),
});

describe('the engine that runs was started', () => {
  test('by systemd, where its unit is active', async () => {
    const machine = await machineWith({
      'run/systemd/system/x': '',
      'var/run/docker.pid': '77',
      ...process(77, ['/usr/sbin/dockerd', '-H', 'fd://', '--containerd=/run/containerd/containerd.sock']),
    });
    const runner = fakeRunner({ [SHOW]: 'MainPID=77\nActiveState=active' });
    expect(await runningDaemon({ runner }, machine)).toEqual({
      startedBy: 'systemd',
      pid: 77,
      args: ['-H', 'fd://', '--containerd=/run/containerd/containerd.sock'],
    });
  });

  test('by hand, where systemd runs and its unit does not', async () => {
    const machine = await machineWith({
      'run/systemd/system/x': '',
      'var/run/docker.pid': '78',
      ...process(78, ['dockerd', '--debug']),
    });
    const runner = fakeRunner({ [SHOW]: 'MainPID=0\nActiveState=inactive' });
    expect(await runningDaemon({ runner }, machine)).toEqual({ startedBy: 'hand', pid: 78, args: ['--debug'] });
  });

  test('by whoever keeps the pid file of the init script', async () => {
    const machine = await machineWith({
      'var/run/docker-ssd.pid': '79\n',
      'var/run/docker.pid': '79',
      ...process(79, ['/usr/sbin/dockerd', '-p', '/var/run/docker.pid', '--dns', '10.0.0.1']),
    });
    expect(await runningDaemon({ runner: fakeRunner() }, machine)).toEqual({
      startedBy: 'pid file',
      pid: 79,
      args: ['-p', '/var/run/docker.pid', '--dns', '10.0.0.1'],
    });
  });

  test.each([
    ['has gone to another program', process(79, ['bash'], { comm: 'bash' })],
    ['is that of an engine that has ended and is not reaped', process(79, [], { state: 'Z' })],
    ['is that of nobody', {}],
  ])('by hand, where the number in that pid file %s', async (_, other) => {
    const machine = await machineWith({
      'var/run/docker-ssd.pid': '79',
      'var/run/docker.pid': '80',
      ...other,
      ...process(80, ['/opt/docker/dockerd']),
    });
    expect(await runningDaemon({ runner: fakeRunner() }, machine)).toEqual({ startedBy: 'hand', pid: 80, args: [] });
  });

  test('by hand, where no process is to be found (it may have a pid file elsewhere)', async () => {
    expect(await runningDaemon({ runner: fakeRunner() }, temporaryFolder())).toEqual({ startedBy: 'hand', pid: undefined, args: [] });
  });
});

describe('restarting an engine', () => {
  test('goes through systemd where that has started it', async () => {
    const runner = fakeRunner({ 'systemctl restart docker': '', ...dockerAnswers() });
    await restartEngine(testContext({ runner: withoutSudo(runner) }), { startedBy: 'systemd', pid: 77, args: [] });
    expect(runner.lines[0]).toBe('systemctl restart docker');
  });

  test('ends the process, waits for it, and starts it with the words that it had', async () => {
    const args = ['-p', '/var/run/docker.pid', '--dns', '10.0.0.1'];
    const machine = await machineWith({ 'var/run/docker-ssd.pid': '79', ...process(79, ['dockerd', ...args]) });
    const runner = fakeRunner(async ({ line, file }) => {
      if (line === 'kill -TERM 79') return '';
      if (file === 'sh') return line.includes('start-stop-daemon') ? '' : '/opt/bin/dockerd';
      return dockerAnswers()[line];
    });
    const ctx = testContext({ runner: withoutSudo(runner) });
    let waits = 0;
    ctx.clock.whileAsleep = async () => {
      expect(runner.lines).toEqual(['kill -TERM 79']);
      waits += 1;
      if (waits === 3) await put(path.join(machine, 'proc/79/stat'), '79 (dockerd) Z 1 1 1 0 -1');
    };
    await restartEngine(ctx, { startedBy: 'pid file', pid: 79, args }, machine);
    expect(waits).toBe(3);
    const start = runner.calls.find(({ line }) => line.includes('start-stop-daemon'));
    expect(start?.args.slice(2)).toEqual(['sh', '/opt/bin/dockerd', ...args]);
  });

  test('starts it where it has ended by itself meanwhile: nothing is killed', async () => {
    const machine = await machineWith({ 'var/run/docker-ssd.pid': '79', ...process(79, ['bash'], { comm: 'bash' }) });
    const runner = fakeRunner(({ line, file }) =>
      file === 'sh' ? (line.includes('start-stop-daemon') ? '' : '/usr/sbin/dockerd') : dockerAnswers()[line],
    );
    await restartEngine(testContext({ runner: withoutSudo(runner) }), { startedBy: 'pid file', pid: 79, args: [] }, machine);
    expect(runner.lines.filter((line) => line.includes('start-stop-daemon'))).toHaveLength(1);
  });

  test('that does not stop is an error, and no second one is started', async () => {
    const machine = await machineWith({ 'var/run/docker-ssd.pid': '79', ...process(79, ['dockerd']) });
    const ctx = testContext({ runner: withoutSudo(fakeRunner({ 'kill -TERM 79': '' })) });
    await expect(restartEngine(ctx, { startedBy: 'pid file', pid: 79, args: [] }, machine)).rejects.toThrow('does not stop');
  });

  test('that was started by hand is a mistake: nobody knows how', async () => {
    const ctx = testContext();
    await expect(restartEngine(ctx, { startedBy: 'hand', pid: 80, args: [] })).rejects.toThrow(TypeError);
  });
});

describe('starting an engine', () => {
  const dockerd = 'PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" command -v dockerd';

  test('uses its unit where systemd runs and has one', async () => {
    const machine = await machineWith({ 'run/systemd/system/x': '' });
    const runner = fakeRunner({ 'systemctl cat docker.service': '', 'systemctl start docker': '', ...dockerAnswers() });
    await startEngine(testContext({ runner: withoutSudo(runner) }), machine);
    expect(runner.lines.slice(0, 2)).toEqual(['systemctl cat docker.service', 'systemctl start docker']);
  });

  test('starts the program itself where systemd has no unit for it, and waits until it answers', async () => {
    const machine = await machineWith({ 'run/systemd/system/x': '' });
    let answers = dockerAnswers(silentEngine);
    const runner = fakeRunner(({ line, args }) => {
      if (line === 'systemctl cat docker.service') return 1;
      if (args[1] === dockerd) return '/usr/local/bin/dockerd';
      if (line.includes('start-stop-daemon')) return '';
      return line.startsWith('sh ') ? '/usr/bin/docker' : answers[line];
    });
    const ctx = testContext({ runner: withoutSudo(runner) });
    let waits = 0;
    ctx.clock.whileAsleep = () => {
      waits += 1;
      if (waits === 2) answers = dockerAnswers();
    };
    await startEngine(ctx, machine);
    expect(waits).toBe(2);
    const start = runner.calls.find(({ line }) => line.includes('start-stop-daemon'));
    expect(start?.args.slice(2)).toEqual(['sh', '/usr/local/bin/dockerd', '-p', '/var/run/docker.pid']);
  });

  test.each([
    ['is told where its output is kept', {}, 'See the end of /var/log/docker.log'],
    ['is told where systemd keeps its output', { 'run/systemd/system/x': '' }, 'See: journalctl -u docker'],
  ])('that never answers %s', async (_, files, hint) => {
    const runner = fakeRunner(({ line }) => {
      if (line.startsWith('systemctl')) return '';
      return line.startsWith('sh ') ? (line.includes('command -v dockerd') ? '/usr/sbin/dockerd' : '') : dockerAnswers(silentEngine)[line];
    });
    await expect(startEngine(testContext({ runner: withoutSudo(runner) }), await machineWith(files))).rejects.toMatchObject({ hint });
  });

  test('ends where its program is gone meanwhile, with how to install it', async () => {
    const runner = fakeRunner(({ args }) => (args[1] === dockerd ? { exitCode: 127 } : undefined));
    await expect(startEngine(testContext({ runner }), temporaryFolder())).rejects.toMatchObject({
      message: 'there is no dockerd',
      hint: expect.stringContaining('docker.io'),
    });
  });

  test('that does not let this user in has been started: access is another matter', async () => {
    const runner = fakeRunner(({ line }) =>
      line.startsWith('sh ')
        ? line.includes('command -v dockerd')
          ? '/usr/sbin/dockerd'
          : '/usr/bin/docker'
        : dockerAnswers(closedEngine)[line],
    );
    await startEngine(testContext({ runner: withoutSudo(runner) }), temporaryFolder());
    expect(runner.lines.some((line) => line.includes('start-stop-daemon'))).toBe(true);
  });

  test('that never answers says what docker says', async () => {
    const runner = fakeRunner(({ line, args }) =>
      args[1] === dockerd ? '/usr/sbin/dockerd' : line.startsWith('sh ') ? '' : dockerAnswers(silentEngine)[line],
    );
    await expect(startEngine(testContext({ runner: withoutSudo(runner) }), temporaryFolder())).rejects.toMatchObject({
      message: 'the Docker engine was started and does not answer',
      details: [silentEngine.complaint],
    });
  });

  test('finds no program where there is none', async () => {
    expect(await findDockerd({ runner: fakeRunner(() => ({ exitCode: 127 })) })).toBeUndefined();
  });
});

test.each([
  [[], '/etc/docker/daemon.json'],
  [['-H', 'fd://'], '/etc/docker/daemon.json'],
  [['--config-file', '/srv/d.json', '--debug'], '/srv/d.json'],
  [['--debug', '--config-file=/srv/d.json'], '/srv/d.json'],
])('an engine started with %j reads %s', (args, file) => {
  expect(configurationOf({ args })).toBe(file);
});
