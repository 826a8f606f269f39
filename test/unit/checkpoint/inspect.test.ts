import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import { describe, expect, test } from 'vitest';
import { changedFiles, inspectArchive } from '../../../scripts/checkpoint/inspect.js';
import { inspectionJson, inspectionText } from '../../../scripts/kubectl-checkpoint/view.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

const SPEC = JSON.stringify({
  annotations: {
    'io.kubernetes.cri.sandbox-name': 'counter',
    'io.kubernetes.cri.sandbox-namespace': 'default',
    'io.kubernetes.cri.container-name': 'main',
  },
});
const CONFIG = JSON.stringify({ id: 'b0fa', name: 'main_counter_default', rootfsImageName: 'docker.io/library/counter:latest' });

/** Writes an archive with these files; `rootfs` becomes its rootfs-diff.tar. */
async function archive(files: Readonly<Record<string, string>>, rootfs?: Readonly<Record<string, string>>, gzip = true): Promise<string> {
  const folder = temporaryFolder();
  const source = path.join(folder, 'source');
  const all = { 'spec.dump': SPEC, 'config.dump': CONFIG, 'checkpoint/inventory.img': 'i', 'checkpoint/pages-1.img': 'p', ...files };
  for (const [name, content] of Object.entries(all)) await put(path.join(source, name), content);
  if (rootfs !== undefined) {
    const diff = path.join(folder, 'diff');
    for (const [name, content] of Object.entries(rootfs)) await put(path.join(diff, name), content);
    await tar.create({ cwd: diff, file: path.join(source, 'rootfs-diff.tar'), gzip, portable: true }, await readdir(diff));
  }
  const file = path.join(folder, 'a.tar');
  await tar.create({ cwd: source, file }, await readdir(source));
  return file;
}

describe('the files that changed', () => {
  test.each([true, false])('are those of rootfs-diff.tar and its white-outs, compressed: %s', async (gzip) => {
    const file = await archive(
      {},
      { 'etc/motd': 'hi', 'bin/.wh.zcat': '', 'opt/.wh..wh..opq': '', 'opt/new': 'abc', 'data/deep/file': '' },
      gzip,
    );
    expect(await changedFiles(file)).toEqual([
      { path: '/bin/zcat', change: 'deleted', type: '', bytes: 0 },
      { path: '/data/deep/file', change: 'changed', type: 'File', bytes: 0 },
      { path: '/etc/motd', change: 'changed', type: 'File', bytes: 2 },
      { path: '/opt', change: 'emptied', type: 'Directory', bytes: 0 },
      { path: '/opt/new', change: 'changed', type: 'File', bytes: 3 },
    ]);
  });

  test('are those that CRI-O and Podman note as deleted, too', async () => {
    const file = await archive({ 'deleted.files': '["etc/passwd"]' });
    expect(await changedFiles(file)).toEqual([{ path: '/etc/passwd', change: 'deleted', type: '', bytes: 0 }]);
  });
});

/** What checkpointctl prints. */
function shown(more: Record<string, unknown> = {}): string {
  return JSON.stringify([
    {
      container_name: 'main',
      image: 'docker.io/library/counter:latest',
      id: 'b0fa',
      runtime: 'io.containerd.runc.v2',
      created: '2026-11-24T06:44:08Z',
      checkpointed: '2026-11-24T06:44:09Z',
      engine: 'containerd',
      checkpoint_size: { total_size: 164266, memory_pages_size: 139264 },
      ...more,
    },
  ]);
}
const TREE = { process_tree: { pid: 1, command: 'ash', cmdline: '/bin/ash -c \u001b[2Jx ', children: [{ pid: 7, command: 'sleep' }] } };
const MOUNTS = { mounts: [{ destination: '/etc/hosts', type: 'bind', source: '/var/x' }] };
const SOCKETS = {
  sockets: [
    { pid: 1 },
    {
      pid: 7,
      open_sockets: [
        { protocol: 'UNIX', data: { type: 'UNIX', address: '/dev/log\u0000' } },
        { protocol: 'UNIX', data: { type: 'UNIX', address: '\u0000abstract' } },
        { protocol: 'TCP', data: { type: 'TCP', state: 'ESTABLISHED', src: '10.0.0.1', src_port: 80, dst: '10.0.0.2', dst_port: 5000 } },
        { protocol: 'TCP', data: { type: 'TCP', state: 'LISTEN', src: '::', src_port: 8080, dst: '::' } },
        { data: {} },
      ],
    },
  ],
};
const STATISTICS = {
  statistics: { freezing_time: 1200, frozen_time: 34567, memdump_time: 1, memwrite_time: 2, pages_scanned: 3, pages_written: 4 },
};

/** checkpointctl, as far as it is asked. */
function checkpointctl(answer: (parts: readonly string[]) => string | number) {
  const scratch: Array<string | undefined> = [];
  const runner = fakeRunner(({ args, options }) => {
    scratch.push(options.env?.['TMPDIR']);
    const said = answer(args.slice(3, -1));
    return typeof said === 'number' ? { exitCode: said, stderr: 'Error: unsupported socket type: WEIRD' } : said;
  });
  return { ctx: testContext({ runner }), scratch, runner };
}

describe('a look into an archive', () => {
  test('shows what checkpointctl finds, in words and as JSON', async () => {
    const file = await archive({ 'stats-dump': 's' }, { 'etc/hosts': '', 'etc/motd': 'hi' });
    const { ctx, runner } = checkpointctl(() => shown({ ...TREE, ...MOUNTS, ...SOCKETS, ...STATISTICS }));
    const inspection = await inspectArchive(ctx, '/bin/checkpointctl', file);
    expect(runner.lines).toEqual([`/bin/checkpointctl inspect --format json --ps-tree-cmd --mounts --sockets --stats ${file}`]);
    const text = inspectionText(inspection);
    for (const line of [
      'image         docker.io/library/counter:latest',
      'pod           default/counter',
      'container     main (b0fa)',
      'runtime       io.containerd.runc.v2 (containerd)',
      'memory        136.0 KiB of 160.4 KiB of CRIU’s images',
      '  1 /bin/ash -c \ufffd[2Jx',
      '    7 sleep',
      '  /etc/hosts  bind  /var/x',
      '  process 7  UNIX  /dev/log',
      '  process 7  UNIX  @abstract',
      '  process 7  TCP  ESTABLISHED  10.0.0.1:80 → 10.0.0.2:5000',
      '  process 7  TCP  LISTEN  [::]:8080',
      '  changed  /etc/motd  2 B',
      '  freezing 1.2 ms, frozen 34.6 ms',
    ])
      expect(text.split('\n')).toContain(line);
    expect(text).toContain('every secret');
    // What is mounted is not in the root file system, though its mount point is.
    expect(text).not.toContain('changed  /etc/hosts');
    expect(inspectionJson(inspection)).toMatchObject({
      namespace: 'default',
      pod: 'counter',
      container: 'main',
      memoryBytes: 139264,
      statistics: { frozenMicroseconds: 34567 },
      processes: { pid: 1, children: [{ pid: 7 }] },
      gaps: [],
    });
  });

  test('does not ask for statistics that the archive does not have', async () => {
    const { ctx } = checkpointctl((parts) => (parts.includes('--stats') ? 1 : shown()));
    const inspection = await inspectArchive(ctx, '/bin/checkpointctl', await archive({}));
    expect(inspectionText(inspection)).toContain('not in this archive (containerd keeps them from 2.1 on)');
    expect(inspectionJson(inspection)).toMatchObject({ statistics: null, processes: null, mounts: [], sockets: [] });
  });

  test('shows the rest when checkpointctl does not understand a part', async () => {
    const { ctx } = checkpointctl((parts) => (parts.includes('--sockets') ? 1 : shown({ ...TREE, ...MOUNTS })));
    const inspection = await inspectArchive(ctx, '/bin/checkpointctl', await archive({}));
    expect(inspection.gaps).toEqual(['sockets: Error: unsupported socket type: WEIRD']);
    expect(inspection.shown.process_tree?.pid).toBe(1);
    expect(inspectionText(inspection)).toContain('not to be shown');
  });

  test('leaves nothing of what it unpacked', async () => {
    const { ctx, scratch } = checkpointctl(() => 1);
    await expect(inspectArchive(ctx, '/bin/checkpointctl', await archive({}))).rejects.toThrow(
      'checkpointctl does not understand this archive',
    );
    expect(scratch.every((folder) => folder?.startsWith(ctx.paths.archives))).toBe(true);
    expect(await readdir(ctx.paths.archives)).toEqual([]);
  });

  test('refuses an archive that would be unpacked elsewhere', async () => {
    const folder = temporaryFolder();
    const file = await archive({});
    await put(path.join(folder, 'x', 'spec.dump'), 'x');
    await tar.replace({ file, cwd: path.join(folder, 'x'), preservePaths: true, prefix: '../..' }, ['spec.dump']);
    const { ctx } = checkpointctl(() => 1);
    await expect(inspectArchive(ctx, '/bin/checkpointctl', file)).rejects.toThrow(
      'the archive holds a file that would be unpacked elsewhere',
    );
  });

  test('refuses what is no archive', async () => {
    const file = await put(path.join(temporaryFolder(), 'a.tar'), 'x'.repeat(2000));
    await expect(inspectArchive(testContext(), '/bin/checkpointctl', file)).rejects.toThrow('the checkpoint archive');
  });
});
