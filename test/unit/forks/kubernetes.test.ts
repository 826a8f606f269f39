import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import semver from 'semver';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import {
  checkoutState,
  chosenSource,
  describedVersion,
  kubernetesBuild,
  kubernetesVersion,
  versionFlags,
} from '../../../scripts/lib/forks/kubernetes.js';
import { put, realRunner, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';

const describeCall = (answer: Answer) => fakeRunner(({ args }) => (args[0] === 'describe' ? answer : undefined));

describe('the version of a checkout', () => {
  test.each([
    ['v1.32.2', 'v1.32.2'],
    ['v1.32.2-5-g0123abc', 'v1.32.2-5+0123abc'],
    ['v1.33.0-alpha.1', 'v1.33.0-alpha.1'],
    ['v1.33.0-alpha.1-20-gabc', 'v1.33.0-alpha.1.20+abc'],
    ['v1.32.2-mine', 'v1.32.2-mine'],
    ['v1.32.2-mine-3-g0123abc\n', 'v1.32.2-mine.3+0123abc'],
    ['v1.32', undefined],
    ['', undefined],
    ['kubernetes-1.32.2', undefined],
  ])('that git describes as %j is %s', (described, version) => {
    expect(describedVersion(described)).toBe(version);
  });

  test('after an alpha comes after it and before the release', () => {
    const version = describedVersion('v1.33.0-alpha.1-20-gabc') ?? '';
    expect(semver.gt(version, 'v1.33.0-alpha.1')).toBe(true);
    expect(semver.lt(version, 'v1.33.0')).toBe(true);
  });

  test('is what its tags say', async () => {
    const runner = describeCall('v1.32.2-5-g0123abc');
    expect(await kubernetesVersion(testContext({ runner, options: { kubernetes: '/own' } }))).toBe('v1.32.2-5+0123abc');
    expect(runner.lines).toEqual(["git describe --tags $'--match=v*' --abbrev=14 HEAD"]);
    expect(runner.calls[0]?.options.cwd).toBe('/own');
  });

  test('may be named where the tags say nothing', async () => {
    const ctx = (version: string) =>
      testContext({ runner: describeCall(128), options: { kubernetes: '/own' }, env: { KUBE_GIT_VERSION: version } });
    expect(await kubernetesVersion(ctx('v1.32.2-mine'))).toBe('v1.32.2-mine');
    await expect(kubernetesVersion(ctx('newest'))).rejects.toMatchObject({
      name: 'UsageError',
      hint: expect.stringContaining('git fetch --tags'),
    });
  });
});

describe('the pinned version', () => {
  async function pinned(): Promise<TestContext> {
    const ctx = testContext();
    await put(ctx.paths.inRoot('kubernetes', 'go.mod'), 'module a\n\ntoolchain go1.23.6\n\nrequire k8s.io/kubernetes v1.32.2\n');
    return ctx;
  }

  test('says that it is this fork, and is no other in precedence', async () => {
    const version = await kubernetesVersion(await pinned());
    expect(version).toBe('v1.32.2+checkpoint');
    expect(semver.eq(version, 'v1.32.2')).toBe(true);
  });

  test('is built from the pin alone when there are no patches', async () => {
    const ctx = await pinned();
    const build = await kubernetesBuild(ctx, chosenSource(ctx), ['kubelet'], '/target');
    expect(build).toMatchObject({
      folder: '/target',
      programs: { kubelet: 'k8s.io/kubernetes/cmd/kubelet' },
      cwd: ctx.paths.inRoot('kubernetes'),
    });
    expect(build.ldflags).toContain('-X k8s.io/component-base/version.gitVersion=v1.32.2+checkpoint');
  });

  test('gives way to a checkout, its Go version and its workspace', async () => {
    const { paths } = await pinned();
    const own = temporaryFolder();
    const ctx = testContext({ root: paths.root, runner: describeCall('v1.33.1'), options: { kubernetes: own } });
    expect((await kubernetesBuild(ctx, chosenSource(ctx), ['kubelet'], '/target')).pin.toolchain).toBe('go1.23.6');
    await put(path.join(own, '.go-version'), '1.24.2\n');
    const build = await kubernetesBuild(ctx, chosenSource(ctx), ['kubelet'], '/target');
    expect(build).toMatchObject({ cwd: own, programs: { kubelet: './cmd/kubelet' }, env: { GOWORK: '' } });
    expect(build.pin.toolchain).toBe('go1.24.2');
  });
});

test('the flags for the linker set the version for servers and clients alike', () => {
  const flags = versionFlags('v1.32.2+checkpoint');
  for (const target of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'])
    expect(flags).toEqual(
      expect.arrayContaining([`-X ${target}.gitVersion=v1.32.2+checkpoint`, `-X ${target}.gitMajor=1`, `-X ${target}.gitMinor=32`]),
    );
  expect(() => versionFlags('newest')).toThrow('newest is not a semantic version');
});

describe('the state of a checkout', () => {
  async function checkout(): Promise<{ folder: string; ctx: TestContext; git: (...args: string[]) => Promise<unknown> }> {
    const folder = temporaryFolder();
    const runner = realRunner();
    const git = (...args: string[]): Promise<unknown> =>
      runner.run('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: folder });
    await put(path.join(folder, 'go.mod'), 'module k8s.io/kubernetes\n');
    await put(path.join(folder, 'cmd', 'kubelet', 'kubelet.go'), 'package main\n');
    await put(path.join(folder, '.gitignore'), '_output\n');
    await git('init', '--quiet');
    await git('add', '.');
    await git('commit', '--quiet', '-m', 'first');
    return { folder, git, ctx: testContext({ runner }) };
  }

  test('changes with each edit, committed or not, and not with what git ignores', async () => {
    const { folder, git, ctx } = await checkout();
    const first = await checkoutState(ctx, folder);
    await put(path.join(folder, '_output', 'kubelet'), 'built');
    expect(await checkoutState(ctx, folder)).toBe(first);

    const states = [first];
    for (const edit of [
      () => put(path.join(folder, 'cmd', 'kubelet', 'kubelet.go'), 'package main // edited\n'),
      () => put(path.join(folder, 'cmd', 'kubelet', 'new.go'), 'package main\n'),
      () => put(path.join(folder, 'cmd', 'kubelet', 'new.go'), 'package main // edited\n'),
      () => git('add', '.'),
      () => git('commit', '--quiet', '-m', 'second'),
    ]) {
      await edit();
      states.push(await checkoutState(ctx, folder));
    }
    expect(new Set(states).size).toBe(states.length);
  });

  test('can be told with a folder link and another repository inside', async () => {
    const { folder, git, ctx } = await checkout();
    await symlink('cmd', path.join(folder, 'link'));
    await git('init', '--quiet', 'inner');
    await put(path.join(folder, 'inner', 'a.go'), 'package a\n');
    const first = await checkoutState(ctx, folder);
    await put(path.join(folder, 'inner', 'a.go'), 'package b\n');
    expect(await checkoutState(ctx, folder)).not.toBe(first);
  });

  test('can be told while a file that git knows of is away', async () => {
    const { folder, ctx } = await checkout();
    const first = await checkoutState(ctx, folder);
    await rm(path.join(folder, '.gitignore'));
    expect(await checkoutState(ctx, folder)).not.toBe(first);
  });

  test('is refused for a folder that is none', async () => {
    const folder = temporaryFolder();
    await expect(checkoutState(testContext(), folder)).rejects.toThrow(UsageError);
    await put(path.join(folder, 'go.mod'), 'module example.org/other\n');
    await put(path.join(folder, 'cmd', 'kubelet', 'kubelet.go'), '');
    await expect(checkoutState(testContext(), folder)).rejects.toThrow(`${folder} is not a Kubernetes checkout`);
  });
});
