import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { goBuild, goCommand, moduleFolder, pinnedVersion, readPin, runGo } from '../../../scripts/lib/build/go.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';

async function pinOf(goMod: string): Promise<Awaited<ReturnType<typeof readPin>>> {
  const folder = temporaryFolder();
  await put(path.join(folder, 'go.mod'), goMod);
  return await readPin(folder);
}

describe('a pin', () => {
  test('tells toolchain, requirements and replacements', async () => {
    const pin = await pinOf(`module kind-checkpoint/pins/kubernetes

go 1.23.0

toolchain go1.23.6

// As in the original.
godebug default=go1.23

require k8s.io/kubernetes v1.32.2

require (
	github.com/a/b/v2 v2.0.1 // indirect
	golang.org/x/sys v0.0.0-20220905092116-b49f7bc46da2
)

replace k8s.io/api => k8s.io/api v0.32.2

replace (
	k8s.io/client-go => k8s.io/client-go v0.32.2 // as released
	k8s.io/mount v0.0.0 => example.org/fork/mount v1.0.0
	k8s.io/local => ../local
)
`);
    expect(pin.toolchain).toBe('go1.23.6');
    expect(Object.fromEntries(pin.requires)).toEqual({
      'k8s.io/kubernetes': 'v1.32.2',
      'github.com/a/b/v2': 'v2.0.1',
      'golang.org/x/sys': 'v0.0.0-20220905092116-b49f7bc46da2',
    });
    expect(Object.fromEntries(pin.replaces)).toEqual({ 'k8s.io/api': 'v0.32.2', 'k8s.io/client-go': 'v0.32.2', 'k8s.io/mount': 'v1.0.0' });
  });

  test('does not take excluded versions for required ones', async () => {
    const { requires } = await pinOf(`module a
toolchain go1.23.6
require b.org/b v1.2.0
exclude b.org/b v1.1.0
exclude (
	b.org/b v1.0.0
	c.org/c v1.0.0
)
retract (
	v1.0.0
)
`);
    expect(Object.fromEntries(requires)).toEqual({ 'b.org/b': 'v1.2.0' });
  });

  test('may say why it has its toolchain', async () => {
    expect((await pinOf('module a\n\ntoolchain go1.24.1 // fixes the linker\n')).toolchain).toBe('go1.24.1');
  });

  test('without a toolchain is refused, and a line to add is shown', async () => {
    await expect(pinOf('module a\n\ngo 1.23.0\n')).rejects.toMatchObject({
      message: expect.stringMatching(/go\.mod pins no toolchain$/),
      hint: 'Add a line such as: toolchain go1.23.6',
    });
  });

  test('stands for the version that a module is replaced by, else the one required', async () => {
    const pin = await pinOf('module a\ntoolchain go1.23.6\nrequire b v1.0.0\nrequire c v1.0.0\nreplace c => c v1.0.1\n');
    expect(pinnedVersion(pin, 'b')).toBe('v1.0.0');
    expect(pinnedVersion(pin, 'c')).toBe('v1.0.1');
    expect(() => pinnedVersion(pin, 'd')).toThrow(/go\.mod does not require d$/);
  });
});

describe('the Go command', () => {
  const found = (answer: Answer) => testContext({ runner: fakeRunner({ 'go env GOVERSION': answer }) });

  test.each(['go1.21.0', 'go1.23.6', 'go1.23-20240626-RC01', 'go2.0'])('is the one on PATH when that is %s', async (version) => {
    expect(await goCommand(found(version))).toBe('go');
  });

  test.each<[string, Answer]>([
    ['too old', 'go1.20.14'],
    ['broken', 1],
    ['absent', new Error('go: command not found')],
  ])('is the installed one when that on PATH is %s', async (_, answer) => {
    const ctx = found(answer);
    expect(await goCommand(ctx)).toBeUndefined();
    await expect(runGo(ctx, ['version'], {})).rejects.toThrow('Go 1.21.0 or newer was not found');
    const own = await put(path.join(ctx.paths.cache, 'go', 'bin', 'go'), '', 0o755);
    expect(await goCommand(ctx)).toBe(own);
  });

  test('is asked for its own version, not for one that it would fetch', async () => {
    const runner = fakeRunner({ 'go env GOVERSION': 'go1.23.6' });
    await goCommand(testContext({ runner }));
    expect(runner.calls[0]?.options.env).toEqual({ GOTOOLCHAIN: 'local' });
  });
});

describe('a build', () => {
  const pin = { folder: '/pin', toolchain: 'go1.23.6', requires: new Map([['a.org/a', 'v1.0.0']]), replaces: new Map<string, string>() };

  test('makes all programs in one call, except those that Go would name otherwise', async () => {
    const runner = fakeRunner(async ({ line, args }) => {
      if (line === 'go env GOVERSION') return 'go1.23.6';
      const [output = '', ...packages] = args.slice(args.indexOf('-o') + 1);
      for (const name of packages) await put(output.endsWith('/') ? path.join(output, path.basename(name)) : output, name);
      return '';
    });
    const ctx = testContext({ runner });
    const folder = path.join(ctx.paths.build, 'a');
    await put(path.join(folder, 'other'), 'stays');
    await goBuild(ctx, {
      pin,
      folder,
      programs: { ctr: 'a.org/a/cmd/ctr', shim: 'a.org/a/cmd/shim', a: 'a.org/b' },
      tags: ['one', 'two'],
      ldflags: ['-X a.org/a.Version=v1'],
      env: { GOWORK: '' },
    });
    const builds = runner.calls.filter(({ args }) => args[0] === 'build');
    expect(builds.map(({ args }) => args.slice(args.indexOf('-o') + 2))).toEqual([['a.org/a/cmd/ctr', 'a.org/a/cmd/shim'], ['a.org/b']]);
    for (const { args, options } of builds) {
      expect(args).toEqual(expect.arrayContaining(['-trimpath', '-tags=one,two', '-ldflags=-s -w -X a.org/a.Version=v1']));
      expect(options).toMatchObject({ cwd: '/pin', env: { GOTOOLCHAIN: 'go1.23.6', CGO_ENABLED: '0', GOWORK: '' } });
    }
    expect((await readdir(folder)).sort()).toEqual(['a', 'ctr', 'other', 'shim']);
    expect(await readdir(ctx.paths.tmp)).toEqual([]);
  });

  test('tells how far it is where somebody listens, of all that it builds, and keeps package names out of its errors', async () => {
    const told: number[] = [];
    let before = 0;
    const compiled = (name: string): string[] => Array.from({ length: 40 }, (_, index) => `${name}/p${index}`);
    const runner = fakeRunner(async ({ line, args, options }) => {
      if (line === 'go env GOVERSION') return 'go1.23.6';
      const program = args.at(-1) ?? '';
      if (args[0] === 'list') return [...compiled(program).map((name) => `${name} stale`), 'fmt', `${program} stale`].join('\n');
      for (const name of compiled(program).slice(0, 30)) options.onEachLine?.(name);
      await vi.waitFor(() => expect(told.length).toBeGreaterThan(before));
      before = told.length;
      for (const name of compiled(program)) options.onEachLine?.(name);
      await put(args[args.indexOf('-o') + 1] ?? '', program);
      return '';
    });
    const ctx = testContext({ runner });
    const build = { pin, folder: path.join(ctx.paths.build, 'a'), programs: { one: 'a.org/x', two: 'a.org/y' }, tags: ['netgo'] };
    await goBuild({ ...ctx, progress: (fraction) => told.push(fraction) }, build);
    const lists = runner.calls.filter(({ args }) => args[0] === 'list');
    expect(lists.map(({ args }) => args)).toEqual(
      ['a.org/x', 'a.org/y'].map((name) => [
        'list',
        '-deps',
        '-trimpath',
        '-tags=netgo',
        '-f',
        '{{.ImportPath}}{{if .Stale}} stale{{end}}',
        name,
      ]),
    );
    expect(lists[0]?.options).toMatchObject({ cwd: '/pin', env: { GOTOOLCHAIN: 'go1.23.6', CGO_ENABLED: '0' } });
    expect(told.some((fraction) => fraction > 0.3 && fraction < 0.5)).toBe(true);
    expect(told.at(-1)).toBeGreaterThan(0.8);
    expect(told.at(-1)).toBeLessThan(1);
    const isProgress = runner.calls.find(({ args }) => args.includes('-v'))?.options.isProgress;
    expect(compiled('a.org/x').every((name) => isProgress?.(name) === true)).toBe(true);
    expect(isProgress?.('x.go:1:1: undefined: y')).toBe(false);
  });

  test('goes on while another one builds into the same folder', async () => {
    const begun: string[] = [];
    const runner = fakeRunner(async ({ line, args }) => {
      if (line === 'go env GOVERSION') return 'go1.23.6';
      const output = args[args.indexOf('-o') + 1] ?? '';
      const name = path.basename(args.at(-1) ?? '');
      await put(path.join(output, name), name);
      begun.push(name);
      await vi.waitFor(() => expect(begun).toHaveLength(2));
      return '';
    });
    const ctx = testContext({ runner });
    const folder = ctx.paths.bin;
    await Promise.all(['kind', 'checkpointctl'].map((name) => goBuild(ctx, { pin, folder, programs: { [name]: `a.org/${name}` } })));
    expect((await readdir(folder)).sort()).toEqual(['checkpointctl', 'kind']);
  });

  test('that fails replaces no program', async () => {
    const runner = fakeRunner(({ line }) => (line === 'go env GOVERSION' ? 'go1.23.6' : { exitCode: 1, stderr: 'undefined: x' }));
    const ctx = testContext({ runner });
    const folder = path.join(ctx.paths.build, 'a');
    await put(path.join(folder, 'ctr'), 'old');
    await expect(goBuild(ctx, { pin, folder, programs: { ctr: 'a.org/a/cmd/ctr' } })).rejects.toThrow('ctr: go build failed');
    expect(await readFile(path.join(folder, 'ctr'), 'utf8')).toBe('old');
  });

  test('finds a module that was verified against the pin', async () => {
    const runner = fakeRunner({
      'go env GOVERSION': 'go1.23.6',
      'go mod download a.org/a@v1.0.0': '',
      "go list -m -f $'{{.Dir}}' a.org/a": '/modules/a@v1.0.0',
    });
    expect(await moduleFolder(testContext({ runner }), pin, 'a.org/a')).toBe('/modules/a@v1.0.0');
    expect(runner.calls.filter(({ args }) => args[0] !== 'env').map(({ options }) => options.cwd)).toEqual(['/pin', '/pin']);
  });
});
