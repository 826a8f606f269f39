import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import * as tar from 'tar';
import { describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { fetchFile, fetchTree, gitTree, readSources, type Sources } from '../../../scripts/lib/build/sources.js';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { sha256 } from '../../../scripts/lib/core/hash.js';
import type { Json } from '../../../scripts/lib/core/json.js';
import { put, realRunner, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type WebServer, webServer } from '../../support/web-server.js';

const WRONG = '0'.repeat(64);

function sourcesFile(content: Json): Promise<string> {
  return put(path.join(temporaryFolder(), 'source.yaml'), YAML.stringify(content));
}

async function sourcesOf(content: Json): Promise<Sources> {
  return await readSources(await sourcesFile(content));
}

/** An archive on a web server; what it holds does not matter. */
async function published(): Promise<{ ctx: TestContext; server: WebServer; sha: string }> {
  const archive = new TextEncoder().encode('an archive');
  const server = await webServer({ '/tool.tar.gz': archive, '/other.tar.gz': new TextEncoder().encode('something else') });
  return { ctx: testContext({ runner: realRunner() }), server, sha: sha256(archive) };
}

/** A source tree as an upstream has it: in git, and as an archive on a web server. */
async function upstream(): Promise<{ ctx: TestContext; server: WebServer; repository: string; commit: string; tree: string }> {
  const runner = realRunner();
  const repository = path.join(temporaryFolder(), 'tool-1.0');
  const git = async (...args: string[]): Promise<string> =>
    (await runner.run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: repository })).stdout;
  await put(path.join(repository, 'main.c'), 'int main;\n');
  await put(path.join(repository, 'build.sh'), '#!/bin/sh\n', 0o755);
  await put(path.join(repository, '.gitignore'), 'ignored.txt\n');
  await put(path.join(repository, 'sub', 'ignored.txt'), 'in the tree all the same\n');
  await git('init', '--quiet');
  await git('add', '--force', '.');
  await git('commit', '--quiet', '-m', 'first');
  await git('tag', 'v1.0');
  const [commit = '', tree = ''] = (await git('rev-parse', 'HEAD', 'HEAD^{tree}')).split('\n');
  const file = path.join(temporaryFolder(), 'tool.tar.gz');
  const names = ['main.c', 'build.sh', '.gitignore', 'sub'].map((name) => `tool-1.0/${name}`);
  await tar.create({ file, cwd: path.dirname(repository), gzip: true, portable: true }, names);
  const archive = await readFile(file);
  const server = await webServer({ '/tool.tar.gz': archive, '/other.tar.gz': new TextEncoder().encode('something else') });
  return { ctx: testContext({ runner }), server, repository, commit, tree };
}

async function treeIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort();
}

describe('a file', () => {
  test('that matches its checksum is kept under it, and fetched once', async () => {
    const { ctx, server, sha } = await published();
    const sources = await sourcesOf({ version: '1.0', sources: [{ archive: server.url('/tool.tar.gz'), sha256: sha }] });
    const kept = await fetchFile(ctx, sources);
    expect(kept).toBe(path.join(ctx.paths.downloads, sha));
    expect(sha256(await readFile(kept))).toBe(sha);
    expect(await fetchFile(ctx, sources)).toBe(kept);
    expect(server.asked).toEqual(['/tool.tar.gz']);
  });

  test('that was kept and has rotted is fetched anew', async () => {
    const { ctx, server, sha } = await published();
    const sources = await sourcesOf({ version: '1.0', sources: [{ archive: server.url('/tool.tar.gz'), sha256: sha }] });
    await put(path.join(ctx.paths.downloads, sha), 'rotten');
    expect(sha256(await readFile(await fetchFile(ctx, sources)))).toBe(sha);
  });

  test('that does not match is not kept', async () => {
    const { ctx, server, sha } = await published();
    const sources = await sourcesOf({ version: '1.0', sources: [{ archive: server.url('/tool.tar.gz'), sha256: WRONG }] });
    const failing = fetchFile(ctx, sources);
    await expect(failing).rejects.toThrow(ToolkitError);
    await expect(failing).rejects.toMatchObject({
      details: [`${server.url('/tool.tar.gz')}: SHA-256 is ${sha}, not the pinned ${WRONG}`],
    });
    await expect(readdir(ctx.paths.downloads)).rejects.toThrow('ENOENT');
    expect(await readdir(ctx.paths.tmp)).toEqual([]);
  });

  test('comes from the next source when one fails', async () => {
    const { ctx, server, sha } = await published();
    const sources = await sourcesOf({
      version: '1.0',
      sources: ['/gone.tar.gz', '/other.tar.gz', '/tool.tar.gz', '/never'].map((name) => ({ archive: server.url(name), sha256: sha })),
    });
    expect(sha256(await readFile(await fetchFile(ctx, sources)))).toBe(sha);
    expect(server.asked).toEqual(['/gone.tar.gz', '/other.tar.gz', '/tool.tar.gz']);
  });

  test('comes from no source that is for another processor', async () => {
    const { ctx, server, sha } = await published();
    const archive = { archive: server.url('/tool.tar.gz'), sha256: sha };
    const [own, other] = process.arch === 'arm64' ? ['arm64', 'x64'] : ['x64', 'arm64'];
    const sources = await sourcesOf({
      version: '1.0',
      sources: [
        { ...archive, archive: server.url('/other.tar.gz'), arch: other },
        { ...archive, arch: own },
      ],
    });
    await fetchFile(ctx, sources);
    expect(server.asked).toEqual(['/tool.tar.gz']);
  });

  describe('that is a module', () => {
    const zip = new TextEncoder().encode('a zip');
    const module = { module: 'example.org/tool', version: 'v1.0.0', sha256: sha256(zip) };

    test('comes from the first proxy of GOPROXY that has it', async () => {
      const empty = await webServer({});
      const full = await webServer({ '/go/example.org/tool/@v/v1.0.0.zip': zip });
      const ctx = testContext({ runner: realRunner(), env: { GOPROXY: `${empty.url('')}|${full.url('/go/')},direct` } });
      const kept = await fetchFile(ctx, await sourcesOf({ version: '1.0', sources: [module] }));
      expect(sha256(await readFile(kept))).toBe(module.sha256);
      expect(empty.asked.length).toBeGreaterThan(0);
    });

    test.each(['', 'off', 'direct'])('is not looked for when GOPROXY is "%s"', async (GOPROXY) => {
      const failing = fetchFile(testContext({ env: { GOPROXY } }), await sourcesOf({ version: '1.0', sources: [module] }));
      await expect(failing).rejects.toMatchObject({
        details: ['Go module example.org/tool v1.0.0: GOPROXY names no proxy: set it in the environment to have it asked'],
      });
    });
  });

  test('that no source has fails with what each of them answered', async () => {
    const { ctx, server, sha } = await published();
    const sources = await sourcesOf({
      version: '1.0',
      sources: [
        { archive: server.url('/gone.tar.gz'), sha256: sha },
        { archive: 'http://127.0.0.1:1/tool.tar.gz', sha256: sha },
      ],
    });
    const error = (await fetchFile(ctx, sources).catch((thrown: unknown) => thrown)) as ToolkitError;
    expect(error.message).toMatch(/^no source of .*source\.yaml could be used$/);
    expect(error.details).toHaveLength(2);
    expect(error.details[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/gone\.tar\.gz: download failed: .*404/);
    expect(error.details[1]).toMatch(/^http:\/\/127\.0\.0\.1:1\/tool\.tar\.gz: download failed: .*connect/);
  });

  test('is no longer looked for when the run is stopped', async () => {
    const { server, sha } = await published();
    const reason = new ToolkitError('stopped by SIGINT');
    const ctx = testContext();
    const stopped = { ...ctx, runner: realRunner({ signal: ctx.signal }) };
    ctx.abort.abort(reason);
    const sources = await sourcesOf({ version: '1.0', sources: [{ archive: server.url('/tool.tar.gz'), sha256: sha }] });
    await expect(fetchFile(stopped, sources)).rejects.toBe(reason);
  });
});

describe('a source tree', () => {
  test('is the same from an archive and from git, and verified by its git tree', async () => {
    const { ctx, server, repository, commit, tree } = await upstream();
    for (const source of [{ archive: server.url('/tool.tar.gz') }, { git: repository, commit }, { git: repository, tag: 'v1.0' }]) {
      const target = path.join(ctx.paths.src, 'tool');
      await fetchTree(ctx, await sourcesOf({ version: '1.0', tree, sources: [source] }), target);
      expect(await treeIn(target)).toEqual(['.gitignore', 'build.sh', 'main.c', 'sub']);
      expect(await treeIn(path.join(target, 'sub'))).toEqual(['ignored.txt']);
      expect((await stat(path.join(target, 'build.sh'))).mode & 0o111).not.toBe(0);
      expect(await gitTree(ctx, target)).toBe(tree);
      expect(await readdir(ctx.paths.src)).toEqual(['tool']);
    }
  });

  test('is that of the commit, not of what came later', async () => {
    const { ctx, repository, commit, tree } = await upstream();
    await put(path.join(repository, 'main.c'), 'int changed;\n');
    await ctx.runner.run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', 'commit', '--quiet', '--all', '-m', 'second'], {
      cwd: repository,
    });
    const target = path.join(ctx.paths.src, 'tool');
    await fetchTree(ctx, await sourcesOf({ version: '1.0', tree, sources: [{ git: repository, commit }] }), target);
    expect(await readFile(path.join(target, 'main.c'), 'utf8')).toBe('int main;\n');
  });

  test('that is another one is refused, the former stays, and nothing of it is kept', async () => {
    const { ctx, server, repository, commit, tree } = await upstream();
    const target = path.join(ctx.paths.src, 'tool');
    await put(path.join(target, 'former'), 'former');
    const wrong = 'a'.repeat(40);
    const sources = await sourcesOf({
      version: '1.0',
      tree: wrong,
      sources: [{ archive: server.url('/tool.tar.gz') }, { git: repository, commit }],
    });
    await expect(fetchTree(ctx, sources, target)).rejects.toMatchObject({
      details: [server.url('/tool.tar.gz'), repository].map((name) => `${name}: the git tree is ${tree}, not the pinned ${wrong}`),
    });
    expect(await readdir(ctx.paths.src)).toEqual(['tool']);
    expect(await treeIn(target)).toEqual(['former']);
    expect(await readdir(ctx.paths.downloads)).toEqual([]);
  });

  test('whose archive answers with something else comes from git', async () => {
    const { ctx, server, repository, commit, tree } = await upstream();
    const target = path.join(ctx.paths.src, 'tool');
    const sources = await sourcesOf({
      version: '1.0',
      tree,
      sources: [{ archive: server.url('/other.tar.gz') }, { git: repository, commit }],
    });
    await fetchTree(ctx, sources, target);
    expect(await gitTree(ctx, target)).toBe(tree);
  });

  test('whose commit is not there is not to be had', async () => {
    const { ctx, repository, tree } = await upstream();
    const sources = await sourcesOf({ version: '1.0', tree, sources: [{ git: repository, commit: 'b'.repeat(40) }] });
    await expect(fetchTree(ctx, sources, path.join(ctx.paths.src, 'tool'))).rejects.toThrow(/could be used$/);
    expect(await readdir(ctx.paths.src)).toEqual([]);
  });
});

describe('a source file', () => {
  const archive = { archive: 'https://example.org/a.tar.gz', sha256: WRONG };

  test.each<[string, Json, string]>([
    ['version', { version: 4.1, sources: [archive] }, 'version'],
    ['sources', { version: '1', sources: [] }, 'sources'],
    ['sha256', { version: '1', sources: [archive, { ...archive, sha256: 'abc' }] }, 'sources[1].sha256'],
    ['address', { version: '1', sources: [{ ...archive, archive: 'not an address' }] }, 'sources[0].archive'],
    ['commit', { version: '1', tree: 'a'.repeat(40), sources: [{ git: 'https://example.org/a', commit: 'main' }] }, 'sources[0].commit'],
    ['suite', { version: '1', sources: [{ debian: 'a', version: '1', file: 'a.tar.xz', sha256: WRONG }] }, 'suite'],
    ['tree', { version: '1', tree: 'v1', sources: [archive] }, 'tree'],
    ['name', { version: '1', sources: [{ ...archive, sha265: WRONG }] }, 'sha265'],
  ])('with a wrong %s is refused, and the field is named', async (_, content, field) => {
    const error = (await sourcesOf(content).catch((thrown: unknown) => thrown)) as ToolkitError;
    expect(error).toMatchObject({ name: 'UsageError', message: expect.stringMatching(/source\.yaml is not a source file$/) });
    expect(error.details.join('\n')).toContain(field);
  });

  test.each<[string, Json]>([
    ['an archive', { archive: archive.archive }],
    ['a commit', { git: 'https://example.org/a', commit: 'a'.repeat(40) }],
    ['a tag', { git: 'https://example.org/a', tag: 'v1.0' }],
  ])('without a tree needs a checksum beside %s', async (_, source) => {
    await expect(sourcesOf({ version: '1', sources: [archive, source] })).rejects.toMatchObject({
      details: expect.arrayContaining([expect.stringContaining('needs a sha256 where there is no tree')]),
    });
  });
});
