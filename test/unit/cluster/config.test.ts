import path from 'node:path';
import { describe, expect, test } from 'vitest';
import YAML from 'yaml';
import { readClusterConfig, withAdditions } from '../../../scripts/lib/cluster/config.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import { checkout } from '../../support/checkout.js';
import { put, temporaryFolder } from '../../support/context.js';

const HEAD = 'kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n';

async function read(text: string): ReturnType<typeof readClusterConfig> {
  return await readClusterConfig(await put(path.join(temporaryFolder(), 'cluster.yaml'), text));
}

async function refusal(text: string): Promise<UsageError> {
  const error = await read(text).then(
    () => expect.unreachable('it was taken'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UsageError);
  return error as UsageError;
}

describe('a cluster configuration', () => {
  test('that the project brings is valid', async () => {
    expect((await readClusterConfig(path.join(checkout, 'cluster', 'cluster.yaml'))).ownCni).toBe(false);
  });

  test.each([
    ['nothing more', ''],
    ['empty fields', 'nodes:\nnetworking:\n'],
    ['what only kind understands', 'featureGates:\n  A: true\nnodes:\n- role: control-plane\n  extraMounts: []\n- role: worker\n'],
  ])('may hold %s', async (_, rest) => {
    const text = HEAD + rest;
    expect(await read(text)).toMatchObject({ text, ownCni: false });
  });

  test('tells the ports of this machine that it wants', async () => {
    expect((await read(HEAD)).ports).toEqual([]);
    const nodes = [
      'nodes:',
      '- role: control-plane',
      '  extraPortMappings:',
      '  - containerPort: 80',
      '    hostPort: 8080',
      '  - { containerPort: 53, hostPort: 5353, protocol: UDP, listenAddress: 127.0.0.1 }',
      '  - { containerPort: 90, hostPort: 0 }',
      '- role: worker',
      'networking:',
      '  apiServerPort: 6443',
    ];
    expect((await read(`${HEAD}${nodes.join('\n')}\n`)).ports).toEqual([
      { port: 8080, protocol: 'tcp', address: undefined },
      { port: 5353, protocol: 'udp', address: '127.0.0.1' },
      { port: 6443, protocol: 'tcp', address: '127.0.0.1' },
    ]);
  });

  test('tells when the user brings a CNI', async () => {
    expect((await read(`${HEAD}networking:\n  disableDefaultCNI: true\n`)).ownCni).toBe(true);
    expect((await read(`${HEAD}networking:\n  disableDefaultCNI: false\n`)).ownCni).toBe(false);
  });

  test('that does not exist is named, and the flag that names one', async () => {
    const file = path.join(temporaryFolder(), 'gone.yaml');
    await expect(readClusterConfig(file)).rejects.toMatchObject({
      name: 'UsageError',
      message: `the cluster configuration cannot be read: ${file}`,
      details: ['There is no such file.'],
      hint: expect.stringContaining('--config PATH'),
    });
  });

  test('that is a folder is refused', async () => {
    await expect(readClusterConfig(temporaryFolder())).rejects.toThrow(UsageError);
  });

  test.each([
    ['is not closed', `${HEAD}nodes: [{role: worker\n`, 4],
    ['is indented wrongly', `${HEAD}nodes:\n- role: worker\n image: a\n`, 5],
    ['is given twice', `${HEAD}kind: Cluster\n`, 3],
    ['refers to nothing', `${HEAD}nodes: *none\n`, undefined],
  ])('in which something %s is refused, and the line is named', async (_, text, line) => {
    const { message, details } = await refusal(text);
    expect(message).toBe('cluster.yaml is not a kind cluster configuration');
    expect(details.join('\n')).toMatch(line === undefined ? /none/ : new RegExp(`at line ${line}, column \\d`));
  });

  test.each([
    ['kind', 'kind: Clutser\napiVersion: kind.x-k8s.io/v1alpha4\n', 'kind'],
    ['apiVersion', 'kind: Cluster\napiVersion: kind.sigs.k8s.io/v1alpha3\n', 'apiVersion'],
    ['role', `${HEAD}nodes:\n- role: control-plane\n- role: wroker\n`, 'nodes[1].role'],
    ['list of nodes', `${HEAD}nodes: []\n`, 'nodes'],
    ['CNI setting', `${HEAD}networking:\n  disableDefaultCNI: "yes"\n`, 'networking.disableDefaultCNI'],
  ])('with a wrong %s is refused, and the field is named', async (_, text, field) => {
    expect((await refusal(text)).details).toContain(`  → at ${field}`);
  });

  test('that is empty is refused', async () => {
    expect((await refusal('')).message).toBe('cluster.yaml is not a kind cluster configuration');
  });
});

describe('a configuration with what the toolkit adds', () => {
  const sharedFolder = { hostPath: '/made/shared', containerPath: '/shared' };
  const added = (text: string, containerdPatches: string[] = []): unknown =>
    YAML.parse(withAdditions(text, { containerdPatches, sharedFolder }));

  test('gives every node the folder that they share, beside the mounts that it has', () => {
    const own = { hostPath: '/mine', containerPath: '/mine' };
    const nodes = [
      { role: 'control-plane', image: 'a' },
      { role: 'worker', extraMounts: [own] },
    ];
    expect(added(HEAD + YAML.stringify({ nodes }))).toMatchObject({
      nodes: [
        { role: 'control-plane', image: 'a', extraMounts: [sharedFolder] },
        { role: 'worker', extraMounts: [own, sharedFolder] },
      ],
    });
  });

  test('names the node that kind makes by default', () => {
    expect(added(HEAD)).toMatchObject({ nodes: [{ role: 'control-plane', extraMounts: [sharedFolder] }] });
  });

  test('leaves a node alone that has something there already', () => {
    const own = { hostPath: '/mine', containerPath: '/shared' };
    expect(added(HEAD + YAML.stringify({ nodes: [{ role: 'control-plane', extraMounts: [own] }] }))).toMatchObject({
      nodes: [{ extraMounts: [own] }],
    });
  });

  test('has patches of containerd’s configuration after its own', () => {
    const text = HEAD + YAML.stringify({ containerdConfigPatches: ['own'] });
    expect(added(text, ['added'])).toMatchObject({ containerdConfigPatches: ['own', 'added'] });
    expect(added(text)).toMatchObject({ containerdConfigPatches: ['own'] });
  });
});
