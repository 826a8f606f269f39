import { Readable, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ConnectionLostError, collector, execInPod } from '../../../scripts/lib/kube/exec.js';
import { fakeExec } from '../../support/exec.js';
import { fakeKube } from '../../support/kube.js';

const pod = { namespace: 'default', pod: 'helper', container: 'helper' };
const never = new AbortController().signal;

describe('a command in a pod', () => {
  test('gives its output', async () => {
    const exec = fakeExec(({ out, exit }) => {
      out('one ');
      out('two');
      exit(0);
    });
    const output = collector();
    await execInPod(fakeKube({}, exec), pod, ['cat', '/a b'], output.stream, never);
    expect(output.text()).toBe('one two');
    expect(exec.started[0]?.command).toEqual(['cat', '/a b']);
    expect(exec.started[0]?.socket.terminated).toBe(true);
  });

  test('that fails is an error with what it said', async () => {
    const exec = fakeExec(({ err, exit }) => {
      err('cat: no such file\n');
      exit(1);
    });
    await expect(execInPod(fakeKube({}, exec), pod, ['cat', '/x'], collector().stream, never)).rejects.toMatchObject({
      message: 'cat in pod default/helper: failed',
      details: ['command terminated with exit code 1', 'cat: no such file'],
    });
  });

  test('whose connection breaks has not succeeded, whatever has arrived', async () => {
    const exec = fakeExec(({ out, drop }) => {
      out('half');
      drop();
    });
    await expect(execInPod(fakeKube({}, exec), pod, ['cat', '/x'], collector().stream, never)).rejects.toMatchObject({
      message: 'cat in pod default/helper: the connection was closed before its end',
    });
  });

  test('that is forbidden says what to do', async () => {
    const exec = fakeExec(() => undefined, new Error('Unexpected server response: 403'));
    await expect(execInPod(fakeKube({}, exec), pod, ['cat', '/x'], collector().stream, never)).rejects.toMatchObject({
      message: 'cat in pod default/helper: could not be started',
      hint: expect.stringContaining('rbac'),
    });
  });

  test('gets what it reads as fast as the network takes it, and no faster', async () => {
    const chunks = Array.from({ length: 20 }, (_, at) => Buffer.alloc(1024, at));
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    let whileFull: number | undefined;
    const exec = fakeExec(async ({ input, socket, exit }) => {
      socket.bufferedAmount = 8 * 1024 * 1024;
      await pause(150);
      whileFull = input().length;
      socket.bufferedAmount = 0;
      while (input().length < 20 * 1024) await pause(5);
      exit(0);
    });
    const content = Readable.from(
      (async function* () {
        for (const chunk of chunks) {
          yield chunk;
          await pause(4);
        }
      })(),
    );
    await execInPod(fakeKube({}, exec), pod, ['head', '-c', '20480'], collector().stream, never, content);
    expect(whileFull).toBeLessThan(10 * 1024);
    expect(exec.started[0]?.input()).toEqual(Buffer.concat(chunks));
    expect(content.destroyed).toBe(true);
  });

  test('that takes no more of its input is given up', async () => {
    const exec = fakeExec(() => undefined);
    const sent = execInPod(fakeKube({}, exec), pod, ['head'], collector().stream, never, Readable.from(['some']), 20);
    await expect(sent).rejects.toMatchObject({ message: 'head in pod default/helper: it takes no more' });
    await expect(sent).rejects.toBeInstanceOf(ConnectionLostError);
  });

  test('whose input cannot be read ends', async () => {
    const exec = fakeExec(() => undefined);
    const broken = new Readable({ read: (): void => void broken.destroy(new Error('no such disk')) });
    await expect(execInPod(fakeKube({}, exec), pod, ['head'], collector().stream, never, broken)).rejects.toThrow('no such disk');
    expect(exec.started[0]?.socket.terminated).toBe(true);
  });

  test('ends when the run is stopped', async () => {
    const abort = new AbortController();
    const exec = fakeExec(() => abort.abort(new Error('stopped')));
    await expect(execInPod(fakeKube({}, exec), pod, ['cat', '/x'], collector().stream, abort.signal)).rejects.toThrow('stopped');
    expect(exec.started[0]?.socket.terminated).toBe(true);
  });

  test('whose output cannot be written ends', async () => {
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no space left')) });
    const exec = fakeExec(({ out }) => out('x'));
    await expect(execInPod(fakeKube({}, exec), pod, ['cat', '/x'], full, never)).rejects.toThrow('no space left');
    expect(exec.started[0]?.socket.terminated).toBe(true);
  });

  test('is held back while its output has no room', async () => {
    let release = (): void => undefined;
    const slow = new Writable({
      highWaterMark: 4,
      write: (_chunk, _encoding, done) => {
        release = done;
      },
      final: (done) => done(),
    });
    const paused: boolean[] = [];
    const exec = fakeExec(async ({ out, exit, socket }) => {
      out('more than four');
      paused.push(socket.paused);
      release();
      await new Promise((resolve) => setTimeout(resolve, 5));
      paused.push(socket.paused);
      exit(0);
    });
    await execInPod(fakeKube({}, exec), pod, ['cat', '/x'], slow, never);
    expect(paused).toEqual([true, false]);
  });
});
