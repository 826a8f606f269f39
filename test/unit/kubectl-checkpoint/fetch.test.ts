import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchArchive } from '../../../scripts/kubectl-checkpoint/fetch.js';
import { type Brought, type Folder, inFolder, withFolder } from '../../../scripts/kubectl-checkpoint/folder.js';
import { InterruptedError, ToolkitError } from '../../../scripts/lib/core/errors.js';
import type { NodeReach } from '../../../scripts/lib/kube/reach.js';
import { put, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type FakeCommand, fakeExec } from '../../support/exec.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { fakeKube } from '../../support/kube.js';

const CONTENT = Buffer.from('memory and secrets');
const SUM = createHash('sha256').update(CONTENT).digest('hex');
const ARCHIVE = inFolder('a.tar');
const away: NodeReach = { name: 'node-1', kind: undefined, why: 'it is no kind node' };
const here: NodeReach = { name: 'node-1', kind: { cluster: 'dev', name: 'node-1' }, why: '' };
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
    return { ...(await withFolder(ctx, kube, away, helper, (folder) => fetchArchive(ctx, folder, ARCHIVE, { file }))), deleted };
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

  test('tells both sums when they differ', async () => {
    const refused = fetchByPod({ size: 3 }, path.join(temporaryFolder(), 'a.tar'));
    await expect(refused).rejects.toMatchObject({
      message: 'the archive did not arrive as it is on its node',
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
      expect(await fetchArchive(ctx, folder, ARCHIVE, { file })).toEqual({ bytes: CONTENT.length, sha256: SUM });
      return folder.by;
    });
    expect(by).toBe('docker');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('is proven just the same', async () => {
    const folder = temporaryFolder();
    const ctx = docker(Buffer.from('memory and secretz'));
    const act = (access: Folder) => fetchArchive(ctx, access, ARCHIVE, { file: path.join(folder, 'a.tar') });
    await expect(withFolder(ctx, fakeKube(), here, helper, act)).rejects.toThrow('the archive did not arrive as it is on its node');
    expect(await readdir(folder)).toEqual([]);
  });

  test('may be fetched by a pod all the same', async () => {
    const { kube } = withPods();
    expect(await withFolder(testContext(), kube, here, { ...helper, way: 'pod' }, async ({ by }) => by)).toBe('pod');
  });
});

test('Docker is refused for a node that it does not have', async () => {
  await expect(withFolder(testContext(), fakeKube(), away, { ...helper, way: 'docker' }, async () => undefined)).rejects.toThrow(
    'node node-1 cannot be reached through Docker: it is no kind node',
  );
});
