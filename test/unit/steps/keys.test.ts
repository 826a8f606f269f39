import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { profileNames } from '../../../scripts/lib/cluster/profile.js';
import { keyParts } from '../../../scripts/lib/engine/freshness.js';
import { inOrder } from '../../../scripts/lib/engine/plan.js';
import type { Step } from '../../../scripts/lib/engine/step.js';
import { forks } from '../../../scripts/lib/forks/fork.js';
import { ballastImage } from '../../../scripts/steps/ballast-image.js';
import { baseImage, baseImageOf } from '../../../scripts/steps/base-image.js';
import { checkpointctl, checkpointctlProgram } from '../../../scripts/steps/checkpointctl.js';
import { cniPlugins } from '../../../scripts/steps/cni-plugins.js';
import { containerd, containerdOf, stockContainerd } from '../../../scripts/steps/containerd.js';
import { coredns } from '../../../scripts/steps/coredns.js';
import { criu, criuForNodes } from '../../../scripts/steps/criu.js';
import { environmentOf } from '../../../scripts/steps/environment.js';
import { etcd } from '../../../scripts/steps/etcd.js';
import { kind } from '../../../scripts/steps/kind.js';
import { localPathProvisioner } from '../../../scripts/steps/local-path-provisioner.js';
import { nodeImage, nodeImageOf } from '../../../scripts/steps/node-image.js';
import { pause } from '../../../scripts/steps/pause.js';
import { rootFilesystem } from '../../../scripts/steps/root-filesystem.js';
import { runc } from '../../../scripts/steps/runc.js';
import { checkout } from '../../support/checkout.js';
import { testContext } from '../../support/context.js';
import { profileNamed } from '../../support/profiles.js';

/** What a step's key holds beside inputs and needs, as text. */
async function keyOf(step: Step): Promise<Readonly<Record<string, string>>> {
  return await keyParts({ ...step, inputs: [], needs: [] }, testContext(), () => '');
}

describe('where the programs of a component land, and what its key is made of', () => {
  test.each<[Step, string, readonly string[], readonly string[]]>([
    [containerd, 'build/containerd', ['containerd', 'ctr', 'containerd-shim-runc-v2'], ['version.Version=v1.2.3+checkpoint', 'no_btrfs']],
    [stockContainerd, 'build/stock-containerd', ['containerd'], ['version.Version=v1.2.3"', 'no_btrfs']],
    [kind, 'bin', ['kind'], ['versionPreRelease=checkpoint']],
    [checkpointctl, 'bin', ['checkpointctl'], ['main.name=checkpointctl', 'main.version=1.2.3']],
    [runc, 'build/runc', ['runc'], ['-buildmode=pie', 'seccomp', '-static-pie', 'true']],
    [etcd, 'build/etcd', ['etcd', 'etcdctl'], ['go.etcd.io/etcd/etcdctl/v3']],
    [coredns, 'build/coredns', ['coredns'], ['coremain.GitCommit=']],
    [localPathProvisioner, 'build/local-path-provisioner', ['local-path-provisioner'], ['main.VERSION=v1.2.3']],
    [
      cniPlugins,
      'build/cni-plugins',
      ['bridge', 'loopback', 'ptp', 'portmap', 'host-local'],
      ['BuildVersion=v1.2.3', 'plugins/meta/portmap'],
    ],
  ])('$id', async (step, folder, programs, words) => {
    const ctx = testContext();
    const products = (step.produces?.(ctx) ?? []).map(({ name }) => path.relative(ctx.paths.cache, name));
    expect(products).toEqual(programs.map((name) => `${folder}/${name}`));
    const parts = await keyOf(step);
    expect(Object.keys(parts)).toEqual(expect.arrayContaining(['programs', 'flags', 'tags', 'ldflags', 'cgo', 'env']));
    for (const word of [...words, '-trimpath']) expect(Object.values(parts).join('\n')).toContain(word);
  });

  test('of a fork holds its patches, and of containerd as it is released only the pin', () => {
    for (const [step, { folder }] of [
      [containerd, forks.containerd],
      [kind, forks.kind],
    ] as const)
      expect(step.inputs).toEqual(['go.mod', 'go.sum', 'patches'].map((name) => `${folder}/${name}`));
    expect(stockContainerd.inputs).toEqual(['go.mod', 'go.sum'].map((name) => `${forks.containerd.folder}/${name}`));
  });

  test('tells tasks where checkpointctl lies', () => {
    const ctx = testContext();
    expect(checkpointctl.produces?.(ctx).map(({ name }) => name)).toEqual([checkpointctlProgram(ctx.paths.bin)]);
  });
});

test.each<[string, Step, Readonly<Record<string, string>>]>([
  ['the C program of pod sandboxes', pause, { compiler: '-DVERSION=v', source: 'build/pause/linux/pause.c', system: '' }],
  ['the C program in the ballast image', ballastImage, { compiler: '-static', instance: '', system: '' }],
  ['CRIU', criu, { make: 'WERROR=0', system: '' }],
  ['CRIU for the nodes', criuForNodes, { make: 'WERROR=0' }],
  ['the root file system', rootFilesystem, { suite: 'bookworm', packages: '"systemd"', dpkgOptions: 'usr/share/man' }],
  ['the base image', baseImage, { instance: '', programs: '"host-local"' }],
  ['the node image', nodeImage, { instance: '', programs: '"kube-proxy"', images: 'etcd/etcdctl', podNetwork: 'kindest/pod-network' }],
])('%s has what it is made with in its key', async (_, step, words) => {
  const parts = await keyOf(step);
  for (const [name, word] of Object.entries(words)) expect(parts[name]).toContain(word);
});

describe('the steps of several profiles', () => {
  const { pins } = profileNamed('containerd-2.3');
  const stepsOf = (name: string): readonly Step[] => inOrder(environmentOf(profileNamed(name)));

  test('are those without a profile where the default one is chosen', () => {
    const { containerd: folder } = profileNamed('default').pins;
    expect([containerdOf(folder), baseImageOf(folder), nodeImageOf(folder)]).toEqual([containerd, baseImage, nodeImage]);
    expect([containerd.id, baseImage.id, nodeImage.id]).toEqual(['containerd', 'base-image', 'node-image']);
  });

  test('are the same but for the runtime and the images that hold it', () => {
    const others = stepsOf('containerd-2.3').filter((step) => !stepsOf('default').includes(step));
    expect(others.map(({ id }) => id)).toEqual(['containerd-2.3', 'base-image-containerd-2.3', 'node-image-containerd-2.3']);
    // A change of our patches makes nothing anew there.
    const missing = stepsOf('default').filter((step) => !stepsOf('containerd-2.3').includes(step));
    expect(missing).toEqual([containerd, baseImage, nodeImage]);
  });

  test('can be in one plan, and make images of names of their own', () => {
    const names = profileNames(testContext({ root: checkout }).paths);
    expect(names).toEqual(expect.arrayContaining(['default', 'containerd-2.3']));
    const ctx = testContext();
    const made = inOrder(names.flatMap(stepsOf)).flatMap((step) => step.produces?.(ctx) ?? []);
    expect(new Set(made.map(({ name }) => name)).size).toBe(made.length);
    expect(made.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['kindest/node:latest', 'kindest/node:latest-containerd-2.3', 'kindest/base:latest-containerd-2.3']),
    );
  });

  test('build a released containerd as it is, from its pin alone', async () => {
    const step = containerdOf(pins.containerd);
    expect(step.inputs).toEqual(['go.mod', 'go.sum'].map((name) => `${pins.containerd}/${name}`));
    expect((await keyOf(step))['ldflags']).toContain('version.Version=v1.2.3"');
  });
});
