import { copyFile, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Folder } from '../../../scripts/checkpoint/node-folder.js';
import { placeText, type RestoreArchive, readLocalArchive, readNodeArchive } from '../../../scripts/checkpoint/restore-source.js';
import { archiveFolder } from '../../../scripts/lib/cluster/kubelet.js';
import { ToolkitError, UsageError } from '../../../scripts/lib/core/errors.js';
import { realRunner, temporaryFolder } from '../../support/context.js';
import { archiveFile, dumpedPod } from '../../support/pod-archive.js';

const POD = dumpedPod();
const CONTENT = { namespace: 'shop', pod: 'web', container: 'main', image: 'web:1', architecture: 'amd64' };

/** The checkpoint folder of a node, whose files are those of a folder here. */
function nodeAt(folder: string): Folder {
  const sh = realRunner();
  const never = async (): Promise<never> => {
    throw new TypeError('only read');
  };
  return {
    by: 'docker',
    node: 'node-1',
    run: async ([file = '', ...args]) =>
      (
        await sh.run(
          file,
          args.map((word) => word.replaceAll(archiveFolder, folder)),
        )
      ).stdout,
    bring: never,
    append: never,
    discard: never,
  };
}

const readers: ReadonlyArray<readonly [string, (file: string) => Promise<RestoreArchive>]> = [
  ['here', readLocalArchive],
  ['on a node', (file) => readNodeArchive(nodeAt(path.dirname(file)), path.basename(file))],
];

describe.each(readers)('an archive that lies %s', (_, read) => {
  test('tells of which container it is, on what machine that ran, and what its pod was', async () => {
    const { place, podDump, ...rest } = await read(
      await archiveFile({ podDump: POD }, 'checkpoint-web_shop-main-2026-01-02T03:04:05Z.tar'),
    );
    expect(rest).toEqual(CONTENT);
    expect(JSON.parse(podDump ?? '')).toEqual(POD);
    expect(placeText(place)).toMatch(/checkpoint-web_shop-main-2026-01-02T03:04:05Z\.tar$/);
  });

  test('may hold no pod, and processes of another machine', async () => {
    expect(await read(await archiveFile({ machine: 3 }))).toMatchObject({ ...CONTENT, architecture: 'arm64', podDump: undefined });
    expect(await read(await archiveFile({ machine: 77 }))).toMatchObject({ architecture: undefined });
  });

  test.each([35_000, 1024, 512, 480])('is refused when it is cut off, by %i bytes', async (bytes) => {
    const file = await archiveFile({ podDump: POD });
    const content = await readFile(file);
    const end = content.length - [...content].reverse().findIndex((byte) => byte !== 0);
    await truncate(file, Math.ceil(end / 512) * 512 + 1024 - bytes);
    await expect(read(file)).rejects.toThrow('is not a whole checkpoint archive');
  });

  test('is refused when a part of it is missing', async () => {
    const file = await archiveFile();
    await realRunner().run('tar', ['--force-local', '--delete', '--file', file, 'spec.dump']);
    await expect(read(file)).rejects.toBeInstanceOf(ToolkitError);
  });

  test('is refused when it is something else', async () => {
    const file = path.join(temporaryFolder(), 'a.tar');
    await writeFile(file, 'no archive\n');
    await expect(read(file)).rejects.toBeInstanceOf(ToolkitError);
  });

  test('is refused when there is none', async () => {
    await expect(read(path.join(temporaryFolder(), 'a.tar'))).rejects.toBeInstanceOf(UsageError);
  });
});

test('a link on a node is no archive', async () => {
  const folder = temporaryFolder();
  await copyFile(await archiveFile(), path.join(folder, 'a.tar'));
  await symlink('a.tar', path.join(folder, 'b.tar'));
  await expect(readNodeArchive(nodeAt(folder), 'b.tar')).rejects.toThrow('there is no archive b.tar on node node-1');
});
