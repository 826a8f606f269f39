import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { dockerExperimental, refuseUnlessRestartable, turnOnExperimental } from '../../../scripts/steps/docker-experimental.js';
import { put, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type DockerAnswers, dockerAnswers, silentEngine, withoutSudo } from '../../support/docker.js';
import { type Answer, type Call, type FakeRunner, fakeRunner } from '../../support/fake-runner.js';

interface Machine {
  readonly ctx: TestContext;
  readonly runner: FakeRunner;
  readonly machine: string;
  readonly file: string;
  /** What was done to the machine, without questions. */
  done(): string[];
}

/** What a call does to the machine, in a word; undefined for a question. */
function deed({ file, args }: Call): string | undefined {
  const script = file === 'sh' ? (args[1] ?? '') : '';
  if (script.startsWith('if [ -e "$1" ]; then cat')) return 'read as root';
  if (script.includes('--validate')) return 'written';
  if (script.includes('.before-kind-checkpoint" "$file"')) return 'put back';
  if (script.includes('start-stop-daemon --start')) return 'started';
  return file === 'kill' ? 'stopped' : undefined;
}

/**
 * A machine with an engine that runs, by the pid file named, and reads a daemon.json of this text.
 * @param asRoot what comes of reading that file as root
 */
async function machineWith(pidFile: string, text: string | undefined, answers: DockerAnswers = {}, asRoot: Answer = 1): Promise<Machine> {
  const machine = temporaryFolder();
  const file = path.join(machine, 'daemon.json');
  if (text !== undefined) await put(file, text);
  const place = (name: string, content: string): Promise<string> => put(path.join(machine, name), content);
  await place(`var/run/${pidFile}`, '79');
  await place('proc/79/comm', 'dockerd\n');
  await place('proc/79/cmdline', `dockerd\0--config-file\0${file}\0`);
  await place('proc/79/stat', '79 (dockerd) S 1');
  const silent = new Set<string>();
  const runner = fakeRunner(async (call) => {
    const what = deed(call);
    if (what === 'stopped') await place('proc/79/stat', '79 (dockerd) Z 1');
    if (what === 'started' && answers === silentEngine) silent.add('now');
    if (what === 'read as root') return asRoot;
    if (what !== undefined) return '';
    if (call.args[1]?.includes('command -v dockerd')) return '/usr/sbin/dockerd';
    if (call.file === 'sh') return '/usr/bin/docker';
    return dockerAnswers(silent.size > 0 ? silentEngine : answers === silentEngine ? {} : answers)[call.line];
  });
  const ctx = testContext({ runner: withoutSudo(runner) });
  return { ctx, runner, machine, file, done: () => runner.calls.flatMap((call) => deed(call) ?? []) };
}

async function refusalOf(promise: Promise<void>): Promise<ToolkitError> {
  const error: unknown = await promise.then(
    () => expect.unreachable('it was done'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ToolkitError)) throw error;
  return error;
}

describe('docker checkpoint is turned on', () => {
  test('by the key in daemon.json beside the others, and one restart', async () => {
    const { ctx, runner, machine, done } = await machineWith('docker-ssd.pid', '{"debug": true}');
    await turnOnExperimental(ctx, machine);
    expect(done()).toEqual(['written', 'stopped', 'started']);
    const written = runner.calls.find((call) => deed(call) === 'written');
    expect(JSON.parse(written?.options.input ?? '')).toEqual({ debug: true, experimental: true });
    expect(ctx.said).toEqual(['the Docker engine is restarted: its containers without a restart policy stop']);
  });

  test('by a restart alone, where daemon.json says so already', async () => {
    const { ctx, machine, done } = await machineWith('docker-ssd.pid', '{"experimental": true}');
    await turnOnExperimental(ctx, machine);
    expect(done()).toEqual(['stopped', 'started']);
  });

  test('not in an engine that was started by hand: its owner is told the line', async () => {
    const { ctx, machine, file, done } = await machineWith('docker.pid', '{"debug": true}');
    const error = await refusalOf(turnOnExperimental(ctx, machine));
    expect(error.message).toBe('docker checkpoint is turned off in this Docker engine');
    expect(error.details[0]).toContain('process 79');
    expect(error.hint).toContain(`Add this line to ${file}: "experimental": true`);
    expect(done()).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe('{"debug": true}');
  });

  test.each([
    ['refused in the first seconds, where the engine was started by hand', 'docker.pid', {}, true],
    ['not refused where it can be restarted', 'docker-ssd.pid', {}, false],
    ['not refused where nothing is to be done', 'docker.pid', { info: { ExperimentalBuild: true } }, false],
    ['not refused where no engine runs yet', 'docker.pid', { server: null }, false],
  ])('is %s', async (_, pidFile, answers, refused) => {
    const { ctx, machine, done } = await machineWith(pidFile, '{}', answers);
    const asked = refuseUnlessRestartable(ctx, machine);
    if (refused) expect((await refusalOf(asked)).hint).toContain('Add this line');
    else await asked;
    expect(done()).toEqual([]);
  });

  describe('where daemon.json is closed to this user', () => {
    const closed = (): Promise<string> => Promise.reject(Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));

    test('and sudo has not asked for a password yet, it is not refused in the first seconds: it is looked at again', async () => {
      const { ctx, machine, done } = await machineWith('docker-ssd.pid', '{}', {}, { exitCode: 1, stderr: 'sudo: a password is required' });
      await refuseUnlessRestartable(ctx, machine, closed);
      expect(done()).toEqual(['read as root']);
      await expect(turnOnExperimental(ctx, machine, closed)).rejects.toMatchObject({
        message: expect.stringMatching(/daemon\.json cannot be read$/),
        details: expect.arrayContaining(['sudo: a password is required']),
      });
      expect(done()).toEqual(['read as root', 'read as root']);
    });

    test('it is refused in the first seconds all the same, where root can be had', async () => {
      const { ctx, machine, done } = await machineWith('docker.pid', '{}', {}, '{}\n.');
      expect((await refusalOf(refuseUnlessRestartable(ctx, machine, closed))).hint).toContain('Add this line');
      expect(done()).toEqual(['read as root']);
    });

    test('what root reads in it stays', async () => {
      const { ctx, runner, machine, done } = await machineWith('docker-ssd.pid', '{}', {}, '{"debug": true}\n.');
      await turnOnExperimental(ctx, machine, closed);
      expect(done()).toEqual(['read as root', 'written', 'stopped', 'started']);
      const written = runner.calls.find((call) => deed(call) === 'written');
      expect(JSON.parse(written?.options.input ?? '')).toEqual({ debug: true, experimental: true });
    });
  });

  test('and nothing is put back when the engine does not come back, where daemon.json said so before', async () => {
    const { ctx, machine, done } = await machineWith('docker-ssd.pid', '{"experimental": true}', silentEngine);
    expect((await refusalOf(turnOnExperimental(ctx, machine))).message).toContain('does not answer');
    expect(done()).toEqual(['stopped', 'started']);
  });

  test('is said of an engine that is not experimental, and of none that is', async () => {
    const on = await machineWith('docker-ssd.pid', '{}', { info: { ExperimentalBuild: true } });
    const off = await machineWith('docker-ssd.pid', '{}');
    expect(await dockerExperimental.check(on.ctx)).toBeUndefined();
    expect(await dockerExperimental.check(off.ctx)).toBe('the engine does not say that it is experimental');
  });

  test('not in one that was started by hand before its daemon.json was changed: its owner is told to restart it', async () => {
    const { ctx, machine, file, done } = await machineWith('docker.pid', '{"experimental": true}');
    expect((await refusalOf(turnOnExperimental(ctx, machine))).hint).toContain(
      `${file} says "experimental": true already. Restart the engine`,
    );
    expect(done()).toEqual([]);
  });

  test('not in a second engine behind another socket, by restarting the first', async () => {
    const { ctx, machine, done } = await machineWith('docker-ssd.pid', '{}', { host: 'unix:///run/second.sock' });
    expect((await refusalOf(turnOnExperimental(ctx, machine))).hint).toContain('restart the engine as you started it');
    expect(done()).toEqual([]);
  });

  test('not by a daemon.json that is no JSON, which is left alone', async () => {
    const { ctx, machine, file, done } = await machineWith('docker-ssd.pid', '{"debug": true,}');
    expect((await refusalOf(turnOnExperimental(ctx, machine))).message).toBe(`${file} is not valid JSON`);
    expect(done()).toEqual([]);
  });

  test('and off again, when the engine does not come back', async () => {
    const { ctx, machine, done } = await machineWith('docker-ssd.pid', '{"debug": true}', silentEngine);
    expect((await refusalOf(turnOnExperimental(ctx, machine))).message).toContain('does not answer');
    expect(done()).toEqual(['written', 'stopped', 'started', 'put back', 'started']);
    expect(ctx.said.at(-1)).toContain('is put back');
  });
});
