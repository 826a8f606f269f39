import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import { renderError } from '../../../scripts/lib/core/errors.js';
import { commandLine, createRunner, hasProgram, withDefaults } from '../../../scripts/lib/core/runner.js';
import { asRoot } from '../../../scripts/lib/core/sudo.js';
import { put, realRunner, temporaryFolder } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { failureOf, PATIENCE, pidIn, runs, sh } from '../../support/processes.js';

describe('a command line', () => {
  test('that is plain stays plain', () => {
    expect(commandLine('make', ['-j', '2', 'A=b', 'k8s.io/kubernetes@v1.32.2'])).toBe('make -j 2 A=b k8s.io/kubernetes@v1.32.2');
  });

  test('can be pasted into a shell, whatever its words hold', async () => {
    const words = ['a b', "it's", '"', '$HOME', '`id`', 'back\\slash', '', 'line\nbreak', '*', '~', ';', 'ä'];
    const pasted = commandLine('printf', ['<%s>', ...words]);
    expect((await realRunner().run('bash', ['-c', pasted])).stdout).toBe(words.map((word) => `<${word}>`).join(''));
  });

  test('can be pasted when folder, environment and program need quotes', async () => {
    const folder = path.join(temporaryFolder(), "a folder's");
    const program = await put(path.join(folder, 'say it'), '#!/bin/sh\necho "$WORD in $(pwd)"\n', 0o755);
    const pasted = commandLine(program, [], { cwd: folder, env: { WORD: 'two words', GONE: undefined } });
    expect((await realRunner().run('bash', ['-c', pasted])).stdout).toBe(`two words in ${folder}`);
  });
});

test('an error shows no lines that tell progress, and its log shows all', async () => {
  const log = path.join(temporaryFolder(), 'log');
  const run = realRunner().run(...sh('echo "x.go:1: undefined"; for i in $(seq 40); do echo "p$i"; done; exit 1'), {
    log,
    isProgress: (line) => /^p\d+$/.test(line),
  });
  expect((await failureOf(run)).details.slice(1)).toEqual(['x.go:1: undefined']);
  expect(await readFile(log, 'utf8')).toContain('p40\n');
});

describe('a command that succeeds', () => {
  test('hands on each of its lines as it comes, from both of its outputs', async () => {
    const lines: string[] = [];
    await realRunner().run(...sh('printf "one\\ntwo\\nth"; printf "ree\\n"; echo err >&2'), { onEachLine: (line) => lines.push(line) });
    expect(lines.filter((line) => line !== 'err')).toEqual(['one', 'two', 'three']);
    expect(lines).toContain('err');
  });

  test('gives its output without the final newline', async () => {
    expect(await realRunner().run(...sh('echo out; echo err >&2'))).toEqual({ stdout: 'out', stderr: 'err', exitCode: 0 });
  });

  test('gets folder, environment and input', async () => {
    const cwd = temporaryFolder();
    const { stdout } = await realRunner().run(...sh('pwd; echo "$A"; cat'), { cwd, env: { A: 'b' }, input: 'from input' });
    expect(stdout).toBe(`${cwd}\nb\nfrom input`);
  });

  test('does not see a variable that was removed', async () => {
    const runner = createRunner({ signal: new AbortController().signal, env: { PATH: process.env['PATH'], A: 'b' } });
    expect((await runner.run(...sh('echo "${A-none}"'), { env: { A: undefined } })).stdout).toBe('none');
  });

  test('may be one of many at a time, without a warning of Node', async () => {
    const warnings: string[] = [];
    const heard = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', heard);
    const runner = realRunner();
    await Promise.all(Array.from({ length: 12 }, () => runner.run('sleep', ['0.1'])));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', heard);
    expect(warnings).toEqual([]);
  });

  test('reads and writes files', async () => {
    const folder = temporaryFolder();
    const inputFile = await put(path.join(folder, 'in'), 'content');
    const { stdout } = await realRunner().run('cat', [], { inputFile, stdoutFile: path.join(folder, 'out') });
    expect(stdout).toBe('');
    expect(await readFile(path.join(folder, 'out'), 'utf8')).toBe('content');
  });

  test('gets input while it runs', async () => {
    const input = new PassThrough();
    const lines: string[] = [];
    const run = realRunner().run(...sh('echo ready; read -r word; echo "$word"'), {
      inputStream: input,
      onEachLine: (line) => {
        lines.push(line);
        if (line === 'ready') input.end('go\n');
      },
    });
    expect((await run).stdout).toBe('ready\ngo');
  });

  test('that ends before its input does has ended', async () => {
    expect((await realRunner().run(...sh('echo done'), { inputStream: new PassThrough() })).stdout).toBe('done');
  });

  test('waits for no input when it gets none', async () => {
    expect((await realRunner().run('cat', [])).stdout).toBe('');
  });

  test('that asks gets the answer typed, as often as it asks', async () => {
    const script = 'printf "name? "; read -r name; printf "word? "; read -r word; echo "$name $word"';
    const asked: string[] = [];
    const { stdout } = await realRunner().run(...sh(script), {
      reply: (line) => {
        asked.push(line);
        return line.endsWith('?') ? `${line.slice(-5, -1)}\n` : undefined;
      },
    });
    expect(stdout).toBe('name? word? name word');
    expect(asked.slice(0, 2)).toEqual(['name?', 'word?']);
  });

  test('shows lines while it runs', async () => {
    const onLine = vi.fn();
    await realRunner().run(...sh('echo one; echo two >&2'), { onLine });
    expect(onLine.mock.calls.flat().sort()).toEqual(['one', 'two']);
  });
});

describe('a command that fails', () => {
  test('tells the command, its exit code, the end of its output and the log', async () => {
    const folder = temporaryFolder();
    const log = path.join(folder, 'logs', 'a.log');
    const error = await failureOf(
      realRunner().run(...sh('seq 100; echo broken >&2; exit 3'), { cwd: folder, log, failure: 'it does not build', hint: 'mend it' }),
    );
    expect(error).toMatchObject({ message: 'it does not build', hint: 'mend it', log, commandExitCode: 3, exitCode: 1 });
    expect(error.command).toMatch(/^cd .* && sh -c /);
    expect(error.details[0]).toBe(`${error.command} → exit code 3`);
    expect(error.details).toHaveLength(13);
    expect(error.details.slice(-2)).toEqual(['100', 'broken']);
    expect(error.output).toContain('1\n2\n3\n');
  });

  test('shows the password of a proxy neither in the error nor in the log', async () => {
    const log = path.join(temporaryFolder(), 'a.log');
    const proxy = 'http_proxy=http://maria:s3cret@proxy.example:3128';
    const error = await realRunner()
      .run('env', [proxy, 'LIST=http://m:80', 'sh', '-c', 'exit 3', 'a@b'], { log })
      .catch((thrown: unknown) => thrown);
    const shown = `${renderError(error)}\n${await readFile(log, 'utf8')}`;
    expect(shown).not.toContain('s3cret');
    expect(shown).toContain('http://maria:…@proxy.example:3128 LIST=http://m:80 sh');
  });

  test('names the program when no headline was given, wherever it runs', async () => {
    const error = await failureOf(realRunner().run('/bin/sh', ['-c', 'exit 1'], { cwd: temporaryFolder(), env: { A: 'b' } }));
    expect(error.message).toBe('sh failed');
  });

  test('is an answer where its exit code is accepted', async () => {
    const runner = realRunner();
    expect((await runner.run(...sh('echo no; exit 3'), { accept: [3] })).exitCode).toBe(3);
    expect((await runner.run(...sh('exit 9'), { accept: true })).exitCode).toBe(9);
    expect((await failureOf(runner.run(...sh('exit 4'), { accept: [3] }))).commandExitCode).toBe(4);
  });

  test('because it does not exist says so, even where every exit code is accepted', async () => {
    const error = await failureOf(realRunner({ env: { PATH: '/usr/bin:/bin' } }).run('no-such-program-here', ['x'], { accept: true }));
    expect(error.details).toEqual(['no-such-program-here x → did not start', 'no-such-program-here: command not found']);
  });

  test('because its folder does not exist does not blame the program', async () => {
    const cwd = path.join(temporaryFolder(), 'gone');
    const error = await failureOf(realRunner().run('true', [], { cwd }));
    expect(error.details.join('\n')).not.toContain('command not found');
    expect(error.details.slice(1).join('\n')).toContain(cwd);
  });

  test('because something killed it names the signal', async () => {
    const error = await failureOf(realRunner().run(...sh('kill -KILL $$')));
    expect(error.details[0]).toMatch(/ → killed by SIGKILL$/);
    expect(error.commandExitCode).toBeUndefined();
  });

  test('because it took too long says so, and leaves nothing behind', async () => {
    const pidFile = path.join(temporaryFolder(), 'pid');
    const run = realRunner().run(...sh(`sleep 300 & echo $! > ${pidFile}; wait`), { timeoutMs: 300 });
    const error = await failureOf(run);
    expect(error.details[0]).toMatch(/ → ended after 0.3 s$/);
    const grandchild = await pidIn(pidFile);
    await vi.waitFor(async () => expect(await runs(grandchild)).toBe(false), PATIENCE);
  });
});

describe('the log', () => {
  test('holds each command and its whole output', async () => {
    const log = path.join(temporaryFolder(), 'not', 'yet', 'there.log');
    const runner = realRunner();
    await runner.run(...sh('echo one; echo two >&2'), { log });
    await failureOf(runner.run(...sh('echo three; exit 1'), { log }));
    const text = await readFile(log, 'utf8');
    expect(text).toMatch(/^\$ sh -c .*\n/);
    for (const line of ['one', 'two', 'three']) expect(text.split('\n')).toContain(line);
    expect(text.match(/^\$ sh -c /gm)).toHaveLength(2);
  });
});

describe('helpers', () => {
  test('root needs no sudo, others do', () => {
    expect(asRoot('apt-get', ['update'], 0)).toEqual(['apt-get', ['update']]);
    expect(asRoot('apt-get', ['update'], 1000)).toEqual(['sudo', ['--', 'apt-get', 'update']]);
  });

  test('a program is found on PATH or not', async () => {
    expect(await hasProgram(realRunner(), 'sh')).toBe(true);
    expect(await hasProgram(realRunner(), 'no-such-program-here')).toBe(false);
  });

  test('defaults hold for every command, and what a command says itself wins', async () => {
    const runner = fakeRunner({ 'a b': '' });
    const wrapped = withDefaults(runner, { log: 'default.log', timeoutMs: 5, env: { A: '1', B: '1' } });
    await wrapped.run('a', ['b'], { timeoutMs: 7, env: { B: '2' } });
    expect(runner.calls[0]?.options).toEqual({ log: 'default.log', timeoutMs: 7, env: { A: '1', B: '2' } });
  });
});
