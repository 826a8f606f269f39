import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { createRunner, type Runner } from '../../../scripts/lib/core/runner.js';
import { supervised } from '../../../scripts/lib/core/supervise.js';
import { put, realRunner, temporaryFolder } from '../../support/context.js';
import { failureOf, PATIENCE, pidIn, runs, sh } from '../../support/processes.js';

describe('a run that is stopped', () => {
  test('ends the whole process group, the stubborn included, and rejects with the reason', async () => {
    const pidFile = path.join(temporaryFolder(), 'pid');
    const abort = new AbortController();
    const script = `(trap '' TERM; exec sleep 300) >/dev/null 2>&1 & echo $! > ${pidFile}; sleep 300`;
    const run = realRunner({ signal: abort.signal }).run(...sh(script));
    const grandchild = await pidIn(pidFile);
    expect(await runs(grandchild)).toBe(true);
    const reason = new Error('stopped');
    abort.abort(reason);
    await expect(run).rejects.toBe(reason);
    await vi.waitFor(async () => expect(await runs(grandchild)).toBe(false), PATIENCE);
  });

  test('starts no further command', async () => {
    const target = path.join(temporaryFolder(), 'made');
    const abort = new AbortController();
    abort.abort('over');
    await expect(realRunner({ signal: abort.signal }).run('touch', [target])).rejects.toBe('over');
    await expect(readFile(target)).rejects.toThrow('ENOENT');
  });
});

test('a run that is ended at once kills what is at work, the stubborn included', async () => {
  const pidFile = path.join(temporaryFolder(), 'pid');
  const [stop, atOnce] = [new AbortController(), new AbortController()];
  const runner = createRunner({ signal: stop.signal, atOnce: atOnce.signal });
  const run = runner.run(...sh(`trap '' TERM; sleep 300 & echo $! > ${pidFile}; wait; wait`), { accept: true });
  const grandchild = await pidIn(pidFile);
  stop.abort('stopped');
  atOnce.abort();
  await expect(run).rejects.toBe('stopped');
  await vi.waitFor(async () => expect(await runs(grandchild)).toBe(false), PATIENCE);
});

describe('a command as root', () => {
  /** A sudo that hands on no signal, as the true one does when they come from its own process group; it tells how it was called. */
  async function withSudo(signal = new AbortController().signal): Promise<Runner> {
    const folder = temporaryFolder();
    const script = ['#!/bin/bash', "trap '' TERM INT HUP", `[ "$1" = -n ] || exit 99`, 'shift; [ "$1" != -- ] || shift', '"$@"', ''];
    await put(path.join(folder, 'sudo'), script.join('\n'), 0o755);
    return realRunner({ signal, env: { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` } });
  }

  test('gives output and exit code as any other, and never asks for a password', async () => {
    const runner = await withSudo();
    expect(await runner.run('sudo', ['--', ...sh('echo out; echo err >&2; cat; exit 3').flat()], { accept: [3] })).toEqual({
      stdout: 'out',
      stderr: 'err',
      exitCode: 3,
    });
    expect((await runner.run('sudo', ['--', 'cat'], { input: 'from input' })).stdout).toBe('from input');
  });

  test('that fails is told as it can be pasted', async () => {
    const error = await failureOf((await withSudo()).run('sudo', ['--', 'sh', '-c', 'echo no; exit 7']));
    expect(error.message).toBe('sh failed');
    expect(error.details).toEqual(["sudo -- sh -c $'echo no; exit 7' → exit code 7", 'no']);
  });

  test('is ended with all that it started when the run is stopped, the stubborn included', async () => {
    const pidFile = path.join(temporaryFolder(), 'pid');
    const abort = new AbortController();
    const script = `(trap '' TERM; exec sleep 300) & echo $! > ${pidFile}; exec sleep 300`;
    const run = (await withSudo(abort.signal)).run('sudo', ['--', 'sh', '-c', script]);
    const grandchild = await pidIn(pidFile);
    const reason = new Error('stopped');
    abort.abort(reason);
    await expect(run).rejects.toBe(reason);
    await vi.waitFor(async () => expect(await runs(grandchild)).toBe(false), PATIENCE);
  });

  test('is ended with its toolkit, even where that is killed', async () => {
    const pidFile = path.join(temporaryFolder(), 'pid');
    const toolkit = spawn('sh', ['-c', '"$@"', 'sh', ...supervised(['--', 'sh', '-c', `echo $$ > ${pidFile}; exec sleep 300`]).slice(2)], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const command = await pidIn(pidFile);
    // What is left of a killed process is that its pipes are closed.
    toolkit.stdin.destroy();
    await vi.waitFor(async () => expect(await runs(command)).toBe(false), PATIENCE);
  });
});
