import { mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import { describe, expect, test } from 'vitest';
import { type ArchiveImage, writeImageArchive } from '../../../scripts/lib/build/image-archive.js';
import { linkOrCopy } from '../../../scripts/lib/core/files.js';
import { sha256 } from '../../../scripts/lib/core/hash.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';

interface Manifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

interface ImageConfig {
  readonly config: { readonly Env: readonly string[]; readonly Entrypoint?: readonly string[] };
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
  readonly history: readonly unknown[];
}

/** What an archive holds, laid out in a folder. */
async function unpack(archive: string): Promise<{ folder: string; manifest: Manifest[]; members: string[] }> {
  const folder = temporaryFolder();
  const members: string[] = [];
  await tar.extract({ file: archive, cwd: folder, onReadEntry: (entry) => members.push(entry.path) });
  return { folder, members, manifest: JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')) as Manifest[] };
}

async function digestOf(file: string): Promise<string> {
  return sha256(await readFile(file));
}

async function filesIn(layer: string): Promise<Record<string, { content: string; executable: boolean }>> {
  const folder = temporaryFolder();
  await tar.extract({ file: layer, cwd: folder });
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  return Object.fromEntries(
    await Promise.all(
      names.map(async ({ parentPath, name }) => {
        const file = path.join(parentPath, name);
        const { mode } = await stat(file);
        return [path.relative(folder, file), { content: await readFile(file, 'utf8'), executable: (mode & 0o111) !== 0 }] as const;
      }),
    ),
  );
}

/** A program, a file and a base layer to make images of. */
async function material(): Promise<{ program: string; text: string; base: string }> {
  const folder = temporaryFolder();
  const program = await put(path.join(folder, 'program'), '#!/bin/sh\n', 0o755);
  const text = await put(path.join(folder, 'text'), 'text\n');
  await put(path.join(folder, 'rootfs', 'etc', 'passwd'), 'root:x:0:0\n');
  const base = path.join(folder, 'base.tar');
  await tar.create({ file: base, cwd: path.join(folder, 'rootfs'), portable: true, mtime: new Date(0) }, ['.']);
  return { program, text, base };
}

const images = ({ program, text, base }: Awaited<ReturnType<typeof material>>): ArchiveImage[] => [
  { name: 'example.org/server:v1', layers: [base], files: { 'usr/bin/server': program }, entrypoint: ['/usr/bin/server'] },
  { name: 'example.org/other:v1', layers: [base], files: { 'a/b/text': text, other: program } },
];

describe('an image archive', () => {
  test('tells the name, the configuration and the layers of each image', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = path.join(ctx.paths.build, 'images.tar');
    const parts = await material();
    await writeImageArchive(ctx, images(parts), target);
    const { folder, manifest } = await unpack(target);
    expect(manifest.map(({ RepoTags }) => RepoTags)).toEqual([['example.org/server:v1'], ['example.org/other:v1']]);
    for (const { Config, Layers } of manifest) {
      const text = await readFile(path.join(folder, Config), 'utf8');
      expect(Config).toBe(`${sha256(text)}.json`);
      const { rootfs, history } = JSON.parse(text) as ImageConfig;
      expect(Layers).toHaveLength(2);
      const digests = await Promise.all(Layers.map((layer) => digestOf(path.join(folder, layer))));
      expect(rootfs).toEqual({ type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) });
      expect(Layers).toEqual(digests.map((digest) => `${digest}/layer.tar`));
      expect(history).toHaveLength(2);
      expect(digests[0]).toBe(await digestOf(parts.base));
    }
    const [server, other] = manifest;
    expect(await filesIn(path.join(folder, server?.Layers[1] ?? ''))).toEqual({
      'usr/bin/server': { content: '#!/bin/sh\n', executable: true },
    });
    expect(await filesIn(path.join(folder, other?.Layers[1] ?? ''))).toEqual({
      'a/b/text': { content: 'text\n', executable: false },
      other: { content: '#!/bin/sh\n', executable: true },
    });
  });

  test('says how an image is started, where that is given', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = path.join(ctx.paths.build, 'images.tar');
    await writeImageArchive(ctx, images(await material()), target);
    const { folder, manifest } = await unpack(target);
    const configs = await Promise.all(
      manifest.map(async ({ Config }) => JSON.parse(await readFile(path.join(folder, Config), 'utf8')) as ImageConfig),
    );
    expect(configs.map(({ config }) => config.Entrypoint)).toEqual([['/usr/bin/server'], undefined]);
    expect(configs[0]?.config.Env[0]).toMatch(/^PATH=.*\/usr\/bin/);
  });

  test('holds a shared layer once', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = path.join(ctx.paths.build, 'images.tar');
    const parts = await material();
    await writeImageArchive(ctx, images(parts), target);
    const { members } = await unpack(target);
    const shared = `${await digestOf(parts.base)}/layer.tar`;
    expect(members.filter((member) => member === shared)).toHaveLength(1);
    expect(new Set(members).size).toBe(members.length);
  });

  test('is the same, byte for byte, when it is written again from the same content', async () => {
    const archives: string[] = [];
    for (const when of [1_000_000, 2_000_000]) {
      const ctx = testContext({ runner: realRunner() });
      const parts = await material();
      for (const source of [parts.program, parts.text]) await utimes(source, when, when);
      const target = path.join(ctx.paths.build, 'images.tar');
      await writeImageArchive(ctx, images(parts), target);
      archives.push(await digestOf(target));
    }
    expect(archives[1]).toBe(archives[0]);
  });

  test('does not tell when it was written', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = path.join(ctx.paths.build, 'images.tar');
    await writeImageArchive(ctx, images(await material()), target);
    const times = new Set<number | undefined>();
    await tar.list({ file: target, onReadEntry: ({ mtime }) => times.add(mtime?.getTime()) });
    expect(times).toEqual(new Set([0]));
  });

  test('may hold an image that is its layers alone', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = path.join(ctx.paths.build, 'images.tar');
    await writeImageArchive(ctx, [{ name: 'bare:v1', layers: [(await material()).base], files: {} }], target);
    expect((await unpack(target)).manifest).toMatchObject([{ RepoTags: ['bare:v1'] }]);
  });

  test('that cannot be written leaves the former one, and nothing half-made', async () => {
    const ctx = testContext({ runner: realRunner() });
    const target = await put(path.join(ctx.paths.build, 'images.tar'), 'former');
    await expect(writeImageArchive(ctx, [{ name: 'a:v1', files: { a: '/no/such/file' } }], target)).rejects.toThrow('ENOENT');
    expect(await readFile(target, 'utf8')).toBe('former');
    expect(await readdir(ctx.paths.build)).toEqual(['images.tar']);
    expect(await readdir(ctx.paths.tmp)).toEqual([]);
  });
});

test('a large file is linked, not copied', async () => {
  const folder = temporaryFolder();
  const source = await put(path.join(folder, 'source'), 'content');
  await mkdir(path.join(folder, 'sub'));
  await linkOrCopy(source, path.join(folder, 'sub', 'target'));
  expect((await stat(source)).nlink).toBe(2);
  await expect(linkOrCopy(path.join(folder, 'gone'), path.join(folder, 'other'))).rejects.toThrow('ENOENT');
});
