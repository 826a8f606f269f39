import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Brought, type Folder, inFolder, withFolder } from '../../../scripts/checkpoint/node-folder.js';
import { fetchArchive, placeInFolder } from '../../../scripts/checkpoint/transfer.js';
import { archiveFolder } from '../../../scripts/lib/cluster/kubelet.js';
import { InterruptedError, ToolkitError } from '../../../scripts/lib/core/errors.js';
import { ConnectionLostError, NotStartedError } from '../../../scripts/lib/kube/exec.js';
import type { NodeReach } from '../../../scripts/lib/kube/reach.js';
import { put, realRunner, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type FakeCommand, fakeExec } from '../../support/exec.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { fakeKube } from '../../support/kube.js';

const CONTENT = Buffer.from('memory and secrets');
const SUM = createHash('sha256').update(CONTENT).digest('hex');
const ARCHIVE = inFolder('a.tar');
const away: NodeReach = { name: 'node-1', kind: undefined, why: 'it is no kind node' };
const here: NodeReach = { name: 'node-1', kind: { cluster: 'dev', name: 'node-1' }, why: '' };
const silent = () => Object.assign(() => undefined, { end: () => undefined });
const helper = { way: 'auto', namespace: 'default', image: 'busybox', writable: false } as const;

/** A node's side of a transfer: what it says of the file, and what it sends. */
interface Sender {
  readonly size?: number;
  readonly sum?: string;
  readonly send?: (command: FakeCommand) => void | Promise<void>;
}

/** A cluster whose helper pods start at once. */
function withPods({ size = CONTENT.length, sum = SUM, send }: Sender = {}) {
  const deleted: string[] = [];
  const kube = fakeKube(
    {
      createNamespacedPod: async () => undefined,
      readNamespacedPod: async () => ({ status: { containerStatuses: [{ state: { running: {} } }] } }),
      deleteNamespacedPod: async ({ name }: { name: string }) => {
        deleted.push(name);
      },
    },
    fakeExec(async (command) => {
      if (command.command[0] === 'stat') command.out(`${size}\n`);
      else if (command.command[0] === 'sha256sum') command.out(`${sum}  ${ARCHIVE}\n`);
      else if (send !== undefined) return send(command);
      else command.out(CONTENT);
      command.exit(0);
    }),
  );
  return { kube, deleted };
}

async function fetchByPod(sender: Sender, file: string, ctx: TestContext = testContext()): Promise<Brought & { deleted: string[] }> {
  const { kube, deleted } = withPods(sender);
  try {
    return { ...(await withFolder(ctx, kube, away, helper, (folder) => fetchArchive(ctx, folder, ARCHIVE, file, silent))), deleted };
  } finally {
    expect(deleted).toHaveLength(1);
  }
}

const cutOff = ({ out, drop }: FakeCommand): void => {
  out('mem');
  drop();
};
const unreadable = ({ err, exit }: FakeCommand): void => {
  err('cat: Input/output error');
  exit(1);
};

describe('an archive that a pod sends', () => {
  test('arrives complete, and its owner alone may read it', async () => {
    const file = path.join(temporaryFolder(), 'a.tar');
    expect(await fetchByPod({}, file)).toMatchObject({ bytes: CONTENT.length, sha256: SUM });
    expect(await readFile(file)).toEqual(CONTENT);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('has that mode from the beginning', async () => {
    const folder = temporaryFolder();
    const modes: number[] = [];
    const send = async ({ out, exit }: FakeCommand): Promise<void> => {
      out(CONTENT);
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const name of await readdir(folder)) modes.push((await stat(path.join(folder, name))).mode & 0o777);
      exit(0);
    };
    await fetchByPod({ send }, path.join(folder, 'a.tar'));
    expect(modes).toEqual([0o600]);
  });

  test.each([
    { name: 'is shorter than on its node', sender: { size: CONTENT.length + 1 } },
    { name: 'has another content', sender: { sum: SUM.replace(/^./, (first) => (first === '0' ? '1' : '0')) } },
    { name: 'is cut off with its connection', sender: { send: cutOff } },
    {
      name: 'cannot be read',
      sender: { send: unreadable },
    },
  ])('and $name is not kept, and the former file stays', async ({ sender }) => {
    const folder = temporaryFolder();
    const file = await put(path.join(folder, 'a.tar'), 'former');
    await expect(fetchByPod(sender, file)).rejects.toBeInstanceOf(ToolkitError);
    expect(await readdir(folder)).toEqual(['a.tar']);
    expect(await readFile(file, 'utf8')).toBe('former');
  });

  test('goes on where it was when its connection breaks, and is whole all the same', async () => {
    const file = path.join(temporaryFolder(), 'a.tar');
    const asked: string[] = [];
    const send = ({ command, out, drop, exit }: FakeCommand): void => {
      asked.push(command.join(' '));
      const from = command[0] === 'cat' ? 0 : Number(command[2]) - 1;
      out(CONTENT.subarray(from, from + 8));
      if (from + 8 < CONTENT.length) drop();
      else exit(0);
    };
    expect(await fetchByPod({ send }, file)).toMatchObject({ bytes: CONTENT.length, sha256: SUM });
    expect(asked).toEqual([`cat ${ARCHIVE}`, `tail -c +9 ${ARCHIVE}`, `tail -c +17 ${ARCHIVE}`]);
    expect(await readFile(file)).toEqual(CONTENT);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is given up when nothing more arrives', async () => {
    const ctx = testContext();
    const folder = temporaryFolder();
    let tries = 0;
    const send = ({ drop }: FakeCommand): void => {
      tries++;
      drop();
    };
    await expect(fetchByPod({ send }, path.join(folder, 'a.tar'), ctx)).rejects.toThrow('the connection was closed before its end');
    expect(tries).toBe(6);
    expect(await readdir(folder)).toEqual([]);
  });

  test('tells both sums when they differ', async () => {
    const refused = fetchByPod({ size: 3 }, path.join(temporaryFolder(), 'a.tar'));
    await expect(refused).rejects.toMatchObject({
      message: 'the archive did not arrive as it was',
      details: [`on node-1: 3 bytes, SHA-256 ${SUM}`, `here: ${CONTENT.length} bytes, SHA-256 ${SUM}`, `it is still there: ${ARCHIVE}`],
    });
  });

  test('is not kept when the run is stopped', async () => {
    const folder = temporaryFolder();
    const ctx = testContext();
    const send = ({ out }: FakeCommand): void => {
      out('mem');
      ctx.abort.abort(new InterruptedError('SIGINT', 130));
    };
    await expect(fetchByPod({ send }, path.join(folder, 'a.tar'), ctx)).rejects.toBeInstanceOf(InterruptedError);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('an archive of a kind node of this machine', () => {
  const docker = (content: Buffer) =>
    testContext({
      runner: fakeRunner(async ({ args }) => {
        if (args[2] === 'stat') return `${CONTENT.length}\n`;
        if (args[2] === 'sha256sum') return `${SUM}  ${ARCHIVE}`;
        if (args[0] !== 'cp' || args[2] !== `node-1:${ARCHIVE}`) return undefined;
        await writeFile(args[3] ?? '', content, { mode: 0o644 });
        return '';
      }),
    });

  test('is copied by Docker, and no pod is made', async () => {
    const file = path.join(temporaryFolder(), 'a.tar');
    const ctx = docker(CONTENT);
    const by = await withFolder(ctx, fakeKube(), here, helper, async (folder) => {
      expect(await fetchArchive(ctx, folder, ARCHIVE, file, silent)).toEqual({ bytes: CONTENT.length, sha256: SUM });
      return folder.by;
    });
    expect(by).toBe('docker');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is proven just the same', async () => {
    const folder = temporaryFolder();
    const ctx = docker(Buffer.from('memory and secretz'));
    const act = (access: Folder) => fetchArchive(ctx, access, ARCHIVE, path.join(folder, 'a.tar'), silent);
    await expect(withFolder(ctx, fakeKube(), here, helper, act)).rejects.toThrow('the archive did not arrive as it was');
    expect(await readdir(folder)).toEqual([]);
  });

  test('may be fetched by a pod all the same', async () => {
    const { kube } = withPods();
    expect(await withFolder(testContext(), kube, here, { ...helper, way: 'pod' }, async ({ by }) => by)).toBe('pod');
  });
});

/** A node whose files are those of a folder here: commands run in it, as they would there. */
function nodeAt(folder: string, breakAfter: number[] = []) {
  const sh = realRunner();
  const inHere = (words: readonly string[]): string[] => words.map((word) => word.replaceAll(archiveFolder, folder));
  const made: string[] = [];
  const access: Folder = {
    by: 'pod',
    node: 'node-1',
    run: async ([file = '', ...args]) => (await sh.run(file, inHere(args))).stdout,
    bring: async () => {
      throw new TypeError('nothing is brought here');
    },
    async append(file, content, bytes) {
      const [target = ''] = inHere([file]);
      const chunks: Buffer[] = [];
      for await (const chunk of content) chunks.push(chunk as Buffer);
      const all = Buffer.concat(chunks);
      made.push(`${path.basename(target)}: ${all.length} of ${bytes}`);
      const most = breakAfter.shift();
      await appendFile(target, all.subarray(0, most), { mode: 0o600 });
      if (most !== undefined) throw new ConnectionLostError('the connection was closed before its end');
    },
    discard: async (...files) => {
      await sh.run('rm', ['-f', ...inHere(files)]);
    },
  };
  return { access, made };
}

describe('an archive that is laid into the folder of a node', () => {
  const PART = `.${SUM.slice(0, 32)}.part`;
  const local = (content: Buffer | string = CONTENT) => put(path.join(temporaryFolder(), 'local.tar'), content);
  const place = async (access: Folder, ctx = testContext(), file?: string) =>
    placeInFolder(ctx, access, file ?? (await local()), { usual: 'a.tar', copy: 'copy.tar' }, silent);

  test('is there whole, for root alone, and nothing beside it', async () => {
    const folder = temporaryFolder();
    const { access, made } = nodeAt(folder);
    expect(await place(access)).toEqual({ name: 'copy.tar', bytes: CONTENT.length, sha256: SUM, brought: true });
    expect(await readdir(folder)).toEqual(['copy.tar']);
    expect(await readFile(path.join(folder, 'copy.tar'))).toEqual(CONTENT);
    expect((await stat(path.join(folder, 'copy.tar'))).mode & 0o777).toBe(0o600);
    expect(made).toEqual([`${PART}: 18 of 18`]);
  });

  test('goes on where it was when its connection breaks', async () => {
    const folder = temporaryFolder();
    const { access, made } = nodeAt(folder, [7, 0, 4]);
    expect(await place(access)).toMatchObject({ sha256: SUM, brought: true });
    expect(made).toEqual([`${PART}: 18 of 18`, `${PART}: 11 of 11`, `${PART}: 11 of 11`, `${PART}: 7 of 7`]);
    expect(await readFile(path.join(folder, 'copy.tar'))).toEqual(CONTENT);
  });

  test('goes on where a run was that has been killed; from the beginning, where that is of no use', async () => {
    const folder = temporaryFolder();
    await put(path.join(folder, PART), CONTENT.subarray(0, 10), 0o600);
    const useful = nodeAt(folder);
    expect(await place(useful.access)).toMatchObject({ sha256: SUM });
    expect(useful.made).toEqual([`${PART}: 8 of 8`]);

    const other = temporaryFolder();
    await put(path.join(other, PART), 'garbage', 0o600);
    const useless = nodeAt(other);
    expect(await place(useless.access)).toMatchObject({ sha256: SUM });
    expect(useless.made).toEqual([`${PART}: 11 of 11`, `${PART}: 18 of 18`]);
    expect(await readFile(path.join(other, 'copy.tar'))).toEqual(CONTENT);
  });

  test('waits for an API server that is restarted, and goes on with what had arrived by then', async () => {
    const folder = temporaryFolder();
    const { access, made } = nodeAt(folder, [7]);
    let away = 0;
    const restarted: Folder = {
      ...access,
      run: async (command) => {
        // First nobody answers, then nobody is allowed anything.
        if (made.length === 1 && away++ < 4) throw new (away < 3 ? ConnectionLostError : NotStartedError)('could not be started');
        return access.run(command);
      },
    };
    const ctx = testContext();
    const start = ctx.clock.now();
    expect(await place(restarted, ctx)).toMatchObject({ sha256: SUM, brought: true });
    expect(made).toEqual([`${PART}: 18 of 18`, `${PART}: 11 of 11`]);
    expect(ctx.clock.now() - start).toBeGreaterThanOrEqual(1000 + 2000 + 4000 + 8000);
    expect(await readFile(path.join(folder, 'copy.tar'))).toEqual(CONTENT);
  });

  test('is not tried again where it is forbidden from the beginning', async () => {
    const { access } = nodeAt(temporaryFolder());
    let asked = 0;
    const append = async (): Promise<never> => {
      asked++;
      throw new NotStartedError('could not be started');
    };
    await expect(place({ ...access, append })).rejects.toThrow('could not be started');
    expect(asked).toBe(1);
  });

  test('is not brought where it is already', async () => {
    const folder = temporaryFolder();
    await put(path.join(folder, 'a.tar'), CONTENT);
    const { access, made } = nodeAt(folder);
    expect(await place(access)).toEqual({ name: 'a.tar', bytes: CONTENT.length, sha256: SUM, brought: false });
    expect(made).toEqual([]);
  });

  test.each([['another archive'], ['memory and secretz']])('takes no other’s name: %s', async (other) => {
    const folder = temporaryFolder();
    await put(path.join(folder, 'a.tar'), other);
    expect(await place(nodeAt(folder).access)).toMatchObject({ name: 'copy.tar', brought: true });
    expect(await readFile(path.join(folder, 'a.tar'), 'utf8')).toBe(other);

    await put(path.join(folder, 'copy.tar'), other);
    await expect(place(nodeAt(folder).access)).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual(['a.tar', 'copy.tar']);
    expect(await readFile(path.join(folder, 'copy.tar'), 'utf8')).toBe(other);
  });

  test('is not begun where there is no room for it', async () => {
    const folder = temporaryFolder();
    const { access, made } = nodeAt(folder);
    const full: Folder = { ...access, run: async (command) => (await access.run(command)).replace(/\d+$/, '0') };
    await expect(place(full)).rejects.toThrow('node node-1 has no room for the archive');
    expect(made).toEqual([]);
  });

  test('is taken away again when it does not arrive', async () => {
    const folder = temporaryFolder();
    await expect(place(nodeAt(folder, [3, 0, 0, 0, 0, 0, 0]).access)).rejects.toThrow('the connection was closed before its end');
    expect(await readdir(folder)).toEqual([]);
  });

  test('is taken away again when the run is stopped', async () => {
    const folder = temporaryFolder();
    const ctx = testContext();
    ctx.clock.whileAsleep = () => ctx.abort.abort(new InterruptedError('SIGINT', 130));
    await expect(place(nodeAt(folder, [3]).access, ctx)).rejects.toBeInstanceOf(InterruptedError);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('what is sent to a pod', () => {
  const sendTo = async (answer: (command: FakeCommand) => void): Promise<FakeCommand | undefined> => {
    const exec = fakeExec(answer);
    const { kube } = withPods();
    await withFolder(testContext(), { ...kube, ...exec }, away, { ...helper, writable: true }, (folder) =>
      folder.append(ARCHIVE, Readable.from([Buffer.from('memory '), Buffer.from('and')]), 10),
    );
    return exec.started[0];
  };

  test('is appended for root alone, as much as was said', async () => {
    const sent = await sendTo(async ({ input, exit }) => {
      while (input().length < 10) await new Promise((resolve) => setTimeout(resolve, 1));
      exit(0);
    });
    expect(sent?.command).toEqual(['sh', '-c', 'umask 077; head -c "$2" >>"$1" || exit', 'sh', ARCHIVE, '10']);
    expect(sent?.input().toString()).toBe('memory and');
  });

  test('may be sent again when the connection breaks', async () => {
    await expect(sendTo(({ drop }) => drop())).rejects.toBeInstanceOf(ConnectionLostError);
  });
});

test('Docker is refused for a node that it does not have', async () => {
  await expect(withFolder(testContext(), fakeKube(), away, { ...helper, way: 'docker' }, async () => undefined)).rejects.toThrow(
    'node node-1 cannot be reached through Docker: it is no kind node',
  );
});
