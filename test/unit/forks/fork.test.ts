import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { goComponent } from '../../../scripts/lib/build/go-component.js';
import {
  applyPatches,
  type Fork,
  forked,
  layOut,
  moduleOf,
  parseSeries,
  readSeries,
  touchedFiles,
} from '../../../scripts/lib/forks/fork.js';
import { put, realRunner, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import type { FakeRunner } from '../../support/fake-runner.js';
import { goBuilds, goRunner } from '../../support/go.js';
import { reasonToRun, runAlone } from '../../support/steps.js';

const fork: Fork = { name: 'tool', folder: 'tool', module: 'example.org/tool', staging: 'staging/src' };

/** A patch that replaces the one line of a file. */
function patchOf(file: string, before: string, after: string): string {
  return `From: A <a@example.org>
Subject: [PATCH] ${after}

Description: why this is needed
---
diff --git a/${file} b/${file}
--- a/${file}
+++ b/${file}
@@ -1 +1 @@
-${before}
+${after}
`;
}

describe('a series', () => {
  test('names patches, one a line, with comments', () => {
    expect(parseSeries('# the order matters\n0001-a.patch\n\n  0002-b.patch   # for now\n#0003-off.patch\n')).toEqual([
      '0001-a.patch',
      '0002-b.patch',
    ]);
  });

  test('is read as paths in its order, and may be absent', async () => {
    const folder = temporaryFolder();
    expect(await readSeries(folder)).toEqual([]);
    await put(path.join(folder, 'series'), 'b.patch\na.patch\n');
    expect(await readSeries(folder)).toEqual([path.join(folder, 'b.patch'), path.join(folder, 'a.patch')]);
  });
});

describe('a patch', () => {
  test('touches each file that it changes, adds, removes or renames, once', () => {
    const patch = `Subject: [PATCH] diff --git is only a word here
diff --git a/pkg/a.go b/pkg/a.go
index 1..2 100644
diff --git a/pkg/old.go b/pkg/new.go
rename from pkg/old.go
rename to pkg/new.go
diff --git a/staging/src/k8s.io/api/core/v1/types.go b/staging/src/k8s.io/api/core/v1/types.go
diff --git a/pkg/a.go b/pkg/a.go
`;
    expect(touchedFiles(patch)).toEqual(['pkg/a.go', 'pkg/old.go', 'pkg/new.go', 'staging/src/k8s.io/api/core/v1/types.go']);
    expect(touchedFiles('no patch')).toEqual([]);
  });
});

describe('the module of a file', () => {
  const kubernetes: Fork = { name: 'kubernetes', folder: 'kubernetes', module: 'k8s.io/kubernetes', staging: 'staging/src' };

  test.each([
    ['pkg/kubelet/kubelet.go', 'k8s.io/kubernetes', ''],
    ['staging/src/k8s.io/api/core/v1/types.go', 'k8s.io/api', 'staging/src/k8s.io/api'],
    ['staging/src/k8s.io/client-go/go.mod', 'k8s.io/client-go', 'staging/src/k8s.io/client-go'],
    ['staging/README.md', 'k8s.io/kubernetes', ''],
    ['vendor/k8s.io/api/a.go', 'k8s.io/kubernetes', ''],
  ])('%s is %s', (file, module, prefix) => {
    expect(moduleOf(kubernetes, file)).toEqual({ module, prefix });
  });

  test('is always the one at the root where nothing is staged', () => {
    expect(moduleOf({ name: 'kind', folder: 'kind', module: 'sigs.k8s.io/kind' }, 'staging/src/a/b/c.go')).toEqual({
      module: 'sigs.k8s.io/kind',
      prefix: '',
    });
  });
});

describe('patches applied to a tree', () => {
  async function treeIn(folder: string): Promise<{ ctx: TestContext; tree: string; patches: string[] }> {
    const tree = path.join(folder, 'tree');
    await put(path.join(tree, 'a.txt'), 'one\n');
    const patches = [
      await put(path.join(folder, '0001-two.patch'), patchOf('a.txt', 'one', 'two')),
      await put(path.join(folder, '0002-three.patch'), patchOf('a.txt', 'two', 'three')),
    ];
    return { ctx: testContext({ runner: realRunner() }), tree, patches };
  }

  test('change it in their order', async () => {
    const { ctx, tree, patches } = await treeIn(temporaryFolder());
    await applyPatches(ctx, tree, patches);
    expect(await readFile(path.join(tree, 'a.txt'), 'utf8')).toBe('three\n');
  });

  test('are not skipped inside another git repository', async () => {
    const folder = temporaryFolder();
    const { ctx, tree, patches } = await treeIn(path.join(folder, 'cache', 'src'));
    await ctx.runner.run('git', ['init', '--quiet', folder]);
    await applyPatches(ctx, tree, patches);
    expect(await readFile(path.join(tree, 'a.txt'), 'utf8')).toBe('three\n');
  });

  test('are not skipped when git itself started the run, as a hook', async () => {
    const folder = temporaryFolder();
    const { ctx, tree, patches } = await treeIn(path.join(folder, 'cache', 'src'));
    await ctx.runner.run('git', ['init', '--quiet', folder]);
    const inHook = realRunner({ env: { GIT_DIR: path.join(folder, '.git'), GIT_WORK_TREE: folder } });
    await applyPatches({ ...ctx, runner: inHook }, tree, patches);
    expect(await readFile(path.join(tree, 'a.txt'), 'utf8')).toBe('three\n');
  });

  test('name the one that does not apply', async () => {
    const { ctx, tree, patches } = await treeIn(temporaryFolder());
    await expect(applyPatches(ctx, tree, [...patches].reverse())).rejects.toMatchObject({
      message: '0002-three.patch does not apply',
      hint: expect.stringContaining('The patch and the pin do not fit together'),
      details: expect.arrayContaining([expect.stringContaining('a.txt')]),
    });
    expect(await readFile(path.join(tree, 'a.txt'), 'utf8')).toBe('one\n');
  });
});

describe('a fork that is laid out', () => {
  const TREE = 'example.org/tool';
  const STAGED = 'example.org/api';

  /** A module cache with two modules, read-only as Go has it, and a Go command that knows them. */
  async function forkIn(ctx: TestContext, patches: Readonly<Record<string, string>>): Promise<TestContext> {
    const modules = temporaryFolder();
    for (const module of [TREE, STAGED]) {
      const file = await put(path.join(modules, module, 'pkg', 'a.go'), `package ${path.basename(module)}\n`);
      await chmod(file, 0o444);
    }
    await put(
      ctx.paths.inRoot('tool', 'go.mod'),
      `module pins/tool\n\ntoolchain go1.23.6\n\nrequire (\n\t${TREE} v1.0.0\n\t${STAGED} v0.1.0\n)\n`,
    );
    await put(ctx.paths.inRoot('tool', 'go.sum'), 'sums\n');
    await put(ctx.paths.inRoot('tool', 'patches', 'series'), Object.keys(patches).join('\n'));
    for (const [name, text] of Object.entries(patches)) await put(ctx.paths.inRoot('tool', 'patches', name), text);
    const real = realRunner();
    const runner = goRunner(({ file, args, options }) => {
      if (file !== 'go') return real.run(file, args, options);
      if (args[0] === 'mod') return '';
      return args[0] === 'list' ? path.join(modules, args.at(-1) ?? '') : undefined;
    });
    return testContext({ root: ctx.paths.root, runner });
  }

  test('is its pin alone when there are no patches', async () => {
    const ctx = await forkIn(testContext(), {});
    expect(await layOut(ctx, fork)).toMatchObject({ folder: ctx.paths.inRoot('tool'), pin: { toolchain: 'go1.23.6' } });
  });

  test('holds the modules that the series touches, patched, and a go.mod that points to them', async () => {
    const ctx = await forkIn(testContext(), {
      'a.patch': patchOf('pkg/a.go', 'package tool', 'package patched'),
      'b.patch': patchOf('staging/src/example.org/api/pkg/a.go', 'package api', 'package staged'),
    });
    const { folder } = await layOut(ctx, fork);
    const target = path.join(ctx.paths.src, 'tool');
    expect(folder).toBe(target);
    expect(await readFile(path.join(target, 'tree/pkg/a.go'), 'utf8')).toBe('package patched\n');
    expect(await readFile(path.join(target, 'tree/staging/src/example.org/api/pkg/a.go'), 'utf8')).toBe('package staged\n');
    expect(await readFile(path.join(target, 'go.sum'), 'utf8')).toBe('sums\n');
    const edit = (ctx.runner as FakeRunner).calls.find(({ args }) => args[1] === 'edit');
    expect(edit?.args).toEqual(
      expect.arrayContaining(['-replace=example.org/tool=./tree', '-replace=example.org/api=./tree/staging/src/example.org/api']),
    );
  });

  test('makes a component that is built from there, and again when a patch changes', async () => {
    const ctx = await forkIn(testContext(), { 'a.patch': patchOf('pkg/a.go', 'package tool', 'package patched') });
    const component = goComponent({
      id: 'tool',
      title: 'the tool',
      seconds: 1,
      source: forked(fork),
      needs: [],
      programs: { tool: `${TREE}/cmd/tool` },
      ldflags: (version) => [`-X main.version=${version}+patched`],
    });
    await runAlone(component, ctx);
    const [build] = goBuilds(ctx.runner as FakeRunner);
    expect(build?.options.cwd).toBe(path.join(ctx.paths.src, 'tool'));
    expect(build?.args).toContain('-ldflags=-s -w -X main.version=v1.0.0+patched');
    expect(await reasonToRun(component, ctx)).toBeUndefined();
    await put(ctx.paths.inRoot('tool', 'patches', 'a.patch'), patchOf('pkg/a.go', 'package tool', 'package otherwise'));
    expect(await reasonToRun(component, ctx)).toBe('changed: tool/patches');
  });

  test('stays as it was when a patch does not apply', async () => {
    const ctx = await forkIn(testContext(), { 'a.patch': patchOf('pkg/a.go', 'package other', 'package patched') });
    await mkdir(path.join(ctx.paths.src, 'tool'), { recursive: true });
    await put(path.join(ctx.paths.src, 'tool', 'former'), '');
    await expect(layOut(ctx, fork)).rejects.toThrow('a.patch does not apply');
    expect(await readFile(path.join(ctx.paths.src, 'tool', 'former'), 'utf8')).toBe('');
  });

  test('is refused when its patches change nothing', async () => {
    const ctx = await forkIn(testContext(), { 'a.patch': 'no patch' });
    await expect(layOut(ctx, fork)).rejects.toThrow('the patches of tool change no file');
  });
});
