import { cp } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { keyParts } from '../../../scripts/lib/engine/freshness.js';
import { allKubernetesPrograms } from '../../../scripts/lib/forks/kubernetes.js';
import { kubernetes } from '../../../scripts/steps/kubernetes.js';
import { put, type TestContext, temporaryFolder, testContext } from '../../support/context.js';
import type { FakeRunner } from '../../support/fake-runner.js';
import { goBuilds, goRunner } from '../../support/go.js';
import { reasonToRun, runAlone } from '../../support/steps.js';

/** A checkout of the toolkit with a pin and no patches, and one of Kubernetes that is at v1.33.0. */
async function machine(): Promise<{ runner: FakeRunner; ctx: TestContext; own: TestContext; checkout: string }> {
  const root = temporaryFolder();
  const checkout = temporaryFolder();
  await put(path.join(root, 'kubernetes', 'go.mod'), 'module a\n\ntoolchain go1.23.6\n\nrequire k8s.io/kubernetes v1.32.2\n');
  await put(path.join(checkout, 'go.mod'), 'module k8s.io/kubernetes\n');
  await put(path.join(checkout, 'cmd', 'kubelet', 'kubelet.go'), 'package main\n');
  const runner = goRunner(async ({ file, args }) => {
    if (file === 'cp') await cp(args[0] ?? '', args[1] ?? '');
    return file === 'cp' ? '' : file === 'git' ? (args[0] === 'describe' ? 'v1.33.0' : '') : undefined;
  });
  return {
    runner,
    checkout,
    ctx: testContext({ root, runner }),
    own: testContext({ root, runner, options: { kubernetes: checkout } }),
  };
}

describe('Kubernetes', () => {
  test('is built once for all of a cluster, and kubectl laid beside the programs that people call', async () => {
    const { ctx, runner } = await machine();
    await runAlone(kubernetes, ctx);
    expect(goBuilds(runner).map(({ args }) => args.slice(-allKubernetesPrograms.length))).toEqual([
      allKubernetesPrograms.map((name) => `k8s.io/kubernetes/cmd/${name}`),
    ]);
    expect(kubernetes.produces(ctx).map(({ name }) => path.relative(ctx.paths.cache, name))).toContain('bin/kubectl');
    expect(await reasonToRun(kubernetes, ctx)).toBeUndefined();
  });

  test('has all that it is built with in its key', async () => {
    const { ctx, runner } = await machine();
    await runAlone(kubernetes, ctx);
    const parts = await keyParts(kubernetes, ctx, () => '');
    const [build] = goBuilds(runner);
    expect(Object.keys(JSON.parse(parts['programs'] ?? '')).sort()).toEqual([...allKubernetesPrograms].sort());
    expect(build?.args).toEqual(expect.arrayContaining(JSON.parse(parts['flags'] ?? '')));
    expect(build?.args).toContain(`-ldflags=${JSON.parse(parts['ldflags'] ?? '').join(' ')}`);
    expect(build?.options.env).toMatchObject(JSON.parse(parts['env'] ?? ''));
  });

  test('is built again for a patch, and for a checkout of one’s own', async () => {
    const { ctx, own, runner, checkout } = await machine();
    await runAlone(kubernetes, ctx);
    expect(await reasonToRun(kubernetes, own)).toBe('changed: version, programs, ldflags, env, checkout, state');
    await put(ctx.paths.inRoot('kubernetes', 'patches', 'series'), '0001-a.patch\n');
    expect(await reasonToRun(kubernetes, ctx)).toBe('changed: kubernetes/patches');
    await runAlone(kubernetes, own);
    expect(goBuilds(runner).at(-1)?.options).toMatchObject({ cwd: checkout, env: { GOWORK: '' } });
  });
});
