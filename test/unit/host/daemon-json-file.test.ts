import { lstat, readdir, readFile, readlink, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Runner, withDefaults } from '../../../scripts/lib/core/runner.js';
import { readDaemonJson, restoreDaemonJson, writeDaemonJson } from '../../../scripts/lib/host/daemon-json-file.js';
import { put, realRunner, temporaryFolder } from '../../support/context.js';
import { withoutSudo } from '../../support/docker.js';

const NEW = '{\n  "experimental": true\n}\n';

/** An engine's program that finds every file valid, or none; it writes down how it was called. */
async function engine(folder: string, exitCode = 0): Promise<{ program: string; args: string[] }> {
  const script = `#!/bin/sh\necho "$@" > ${folder}/called\necho 'configuration OK'\n[ ${exitCode} = 0 ] || echo 'conflicts: experimental' >&2\nexit ${exitCode}\n`;
  return { program: await put(path.join(folder, 'dockerd'), script, 0o755), args: ['-H', 'fd://'] };
}

const real = (): { runner: Runner } => ({ runner: withoutSudo(realRunner()) });

describe('a daemon.json that is written', () => {
  test('keeps its mode, and the one before lies beside it', async () => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'daemon.json'), '{"debug": true}', 0o600);
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    expect(await readFile(file, 'utf8')).toBe(NEW);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(`${file}.before-kind-checkpoint`, 'utf8')).toBe('{"debug": true}');
    expect((await stat(`${file}.before-kind-checkpoint`)).mode & 0o777).toBe(0o600);
  });

  test('stays a symbolic link, and what it points to is changed', async () => {
    const folder = temporaryFolder();
    const target = await put(path.join(folder, 'managed', 'docker.json'), '{}', 0o640);
    const file = path.join(folder, 'daemon.json');
    await symlink('managed/docker.json', file);
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect(await readlink(file)).toBe('managed/docker.json');
    expect(await readFile(target, 'utf8')).toBe(NEW);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
  });

  test('is made with its folder where there was none, readable by all', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'etc', 'docker', 'daemon.json');
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    expect(await readFile(file, 'utf8')).toBe(NEW);
    expect((await stat(file)).mode & 0o777).toBe(0o644);
    expect(await readdir(path.dirname(file))).toEqual(['daemon.json']);
  });

  test('was found valid by the engine, with what that was started with', async () => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'daemon.json'), '{}');
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    expect(await readFile(path.join(folder, 'called'), 'utf8')).toBe(`-H fd:// --validate --config-file ${file}.kind-checkpoint-new\n`);
  });

  test('is left as it is when the engine would not start with it', async () => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'daemon.json'), '{"debug": true}');
    await expect(writeDaemonJson(real(), file, NEW, await engine(folder, 1))).rejects.toMatchObject({
      message: expect.stringContaining('would not start'),
      output: expect.stringContaining('conflicts: experimental'),
    });
    expect(await readFile(file, 'utf8')).toBe('{"debug": true}');
    expect((await readdir(folder)).filter((name) => name.includes('new'))).toEqual([]);
  });

  test('does not get into the log, nor what was in it', async () => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'daemon.json'), '{"proxies": {"http-proxy": "http://ada:secret@proxy"}}');
    const log = path.join(folder, 'step.log');
    const shown: string[] = [];
    const runner = withDefaults(real().runner, { log, onLine: (line) => shown.push(line) });
    const before = await readDaemonJson({ runner }, file);
    await writeDaemonJson({ runner }, file, before?.replace('}}', '}, "experimental": true}') ?? '', await engine(folder));
    await runner.run('true', []);
    expect(await readFile(log, 'utf8')).not.toContain('secret');
    expect(shown.join()).not.toContain('secret');
  });

  test('is put back with its mode', async () => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'daemon.json'), '{"debug": true}', 0o600);
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    await restoreDaemonJson(real(), file, '{"debug": true}');
    expect(await readFile(file, 'utf8')).toBe('{"debug": true}');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is taken away again where there was none', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'daemon.json');
    await writeDaemonJson(real(), file, NEW, await engine(folder));
    await restoreDaemonJson(real(), file, undefined);
    expect(await readDaemonJson(real(), file)).toBeUndefined();
  });
});
