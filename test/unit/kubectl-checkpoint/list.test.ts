import path from 'node:path';
import * as tar from 'tar';
import { describe, expect, test } from 'vitest';
import { listArchives, listScript, readListing } from '../../../scripts/kubectl-checkpoint/list.js';
import { archiveToRemove, removeArchives } from '../../../scripts/kubectl-checkpoint/remove.js';
import { shell } from '../../../scripts/lib/cluster/node.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { apiError, fakeKube } from '../../support/kube.js';

const FOLDER = '/var/lib/kubelet/checkpoints';
const T1 = '2026-11-24T06:04:11Z';
const T2 = '2026-11-24T08:04:12+02:00';

describe('the listing of a folder', () => {
  test('is read line by line', () => {
    const output = [
      `1024 checkpoint-web_shop-front-nginx-${T1}.tar`,
      '"io.kubernetes.cri.sandbox-namespace":"shop-front"',
      `2048 checkpoint-db_data-postgres-${T2}.tar`,
      '3 notes.tar',
    ].join('\n');
    expect(readListing('node-1', output)).toEqual([
      {
        node: 'node-1',
        name: `checkpoint-web_shop-front-nginx-${T1}.tar`,
        path: `${FOLDER}/checkpoint-web_shop-front-nginx-${T1}.tar`,
        bytes: 1024,
        pod: 'web',
        namespace: 'shop-front',
        container: 'nginx',
        time: T1,
      },
      expect.objectContaining({ pod: 'db', namespace: 'data', container: 'postgres', time: T2, bytes: 2048 }),
      expect.objectContaining({ name: 'notes.tar', pod: null, namespace: null, container: null, time: null }),
    ]);
    expect(readListing('node-1', '')).toEqual([]);
  });

  test('asks the archives themselves, in a shell and with a tar as they come', async () => {
    const folder = temporaryFolder();
    const source = temporaryFolder();
    await put(path.join(source, 'checkpoint', 'inventory.img'), 'x');
    for (const [name, key] of [
      [`checkpoint-web_shop-front-nginx-${T1}.tar`, 'io.kubernetes.cri.sandbox-namespace'],
      [`checkpoint-job_shop-front-nginx-${T1}.tar`, 'io.kubernetes.pod.namespace'],
    ] as const) {
      await put(path.join(source, 'spec.dump'), JSON.stringify({ annotations: { other: 'x', [key]: 'shop' } }));
      await tar.create({ cwd: source, file: path.join(folder, name) }, ['checkpoint', 'spec.dump']);
    }
    await put(path.join(folder, `checkpoint-cut_a-b-c-${T1}.tar`), 'half');
    await put(path.join(folder, 'other.txt'), 'x');
    const [program = '', ...args] = shell({ ...listScript, args: [folder] });
    const found = readListing('node-1', (await realRunner().run(program, args)).stdout);
    expect(found.map(({ pod, namespace, container }) => ({ pod, namespace, container }))).toEqual([
      { pod: 'cut', namespace: null, container: null },
      { pod: 'job', namespace: 'shop', container: 'front-nginx' },
      { pod: 'web', namespace: 'shop', container: 'front-nginx' },
    ]);
  });
});

/** A cluster of kind nodes of this machine, and what their folders hold. */
function kindCluster(folders: Readonly<Record<string, readonly string[]>>) {
  const removed: string[] = [];
  const runner = fakeRunner(({ args }) => {
    const [, node = '', program, , script = '', , machine, ...rest] = args;
    const names = folders[node] ?? [];
    if (program !== 'sh' || machine !== node) return undefined;
    if (script.includes('rm -f')) {
      removed.push(...rest.map((file) => `${node}:${file}`));
      return node;
    }
    const printed = script.includes('shift; for f') ? names.filter((name) => rest.includes(name)) : names.map((name) => `9 ${name}`);
    return [node, ...printed].join('\n');
  });
  const object = (name: string) => ({
    metadata: { name },
    spec: { providerID: `kind://docker/dev/${name}` },
    status: { nodeInfo: { machineID: name } },
  });
  const kube = fakeKube({
    listNode: async () => ({ items: Object.keys(folders).map(object) }),
    readNode: async ({ name }: { name: string }) => object(name),
  });
  return { ctx: testContext({ runner }), kube, removed, lines: () => runner.lines };
}
const access = { way: 'auto', namespace: 'default', image: 'busybox' } as const;
const one = `checkpoint-web_shop-nginx-${T1}.tar`;
const two = `checkpoint-db_data-postgres-${T2}.tar`;
const three = `checkpoint-db_data-postgres-2026-11-24T06:04:13Z.tar`;

describe('ls', () => {
  test('goes through all nodes, by time', async () => {
    const { ctx, kube } = kindCluster({ a: [three, one], b: [two] });
    const { archives, failures } = await listArchives(ctx, kube, access, undefined);
    expect(archives.map(({ node, name }) => `${node} ${name}`)).toEqual([`a ${one}`, `b ${two}`, `a ${three}`]);
    expect(failures).toEqual([]);
  });

  test('asks the API once, and each node once', async () => {
    const { ctx, kube, lines } = kindCluster({ a: [one], b: [two] });
    await listArchives(ctx, fakeKube({ listNode: kube.core.listNode }), access, undefined);
    expect(lines()).toHaveLength(2);
  });

  test('keeps to a namespace', async () => {
    const { ctx, kube } = kindCluster({ a: [one, `checkpoint-x_shop-two-c-${T1}.tar`], b: [two, 'notes.tar'] });
    const { archives } = await listArchives(ctx, kube, access, 'shop');
    // The second may be of the namespace shop or of shop-two.
    expect(archives.map(({ pod }) => pod)).toEqual(['web', 'x']);
  });

  test('shows the others when a node cannot be looked into', async () => {
    const { ctx, kube } = kindCluster({ a: [one], b: [two] });
    const { items } = await kube.core.listNode();
    const partly = fakeKube({
      listNode: async () => ({ items: items.map((node) => (node.metadata?.name === 'a' ? { metadata: node.metadata } : node)) }),
      createNamespacedPod: () => Promise.reject(apiError(403, 'no pods for you')),
    });
    const { archives, failures } = await listArchives(ctx, partly, access, undefined);
    expect(archives.map(({ node }) => node)).toEqual(['b']);
    expect(failures.map(({ node }) => node)).toEqual(['a']);
  });
});

describe('rm', () => {
  test('removes archives where they are, named by name or path', async () => {
    const { ctx, kube, removed } = kindCluster({ a: [one, three], b: [two] });
    expect(await removeArchives(ctx, kube, access, [one, `${FOLDER}/${two}`, one], undefined)).toEqual([
      { node: 'a', path: `${FOLDER}/${one}` },
      { node: 'b', path: `${FOLDER}/${two}` },
    ]);
    expect(removed).toEqual([`a:${FOLDER}/${one}`, `b:${FOLDER}/${two}`]);
  });

  test('removes nothing when one is nowhere', async () => {
    const { ctx, kube, removed } = kindCluster({ a: [one], b: [] });
    await expect(removeArchives(ctx, kube, access, [one, two], undefined)).rejects.toThrow(`${two}: not on any node`);
    await expect(removeArchives(ctx, kube, access, [one], 'b')).rejects.toThrow(`${one}: not on node b`);
    expect(removed).toEqual([]);
  });

  test('wants the node named when an archive is on several', async () => {
    const { ctx, kube, removed } = kindCluster({ a: [one], b: [one] });
    await expect(removeArchives(ctx, kube, access, [one], undefined)).rejects.toThrow(`${one} is on several nodes: a, b`);
    expect(removed).toEqual([]);
    expect(await removeArchives(ctx, kube, access, [one], 'b')).toEqual([{ node: 'b', path: `${FOLDER}/${one}` }]);
  });

  test.each([
    '../config',
    '/etc/passwd',
    `${FOLDER}/../pki/ca.key`,
    `${FOLDER}/sub/${one}`,
    `/var/lib/kubelet/${one}`,
    `./${one}`,
    'config.yaml',
    'checkpoint-a b.tar',
    'checkpoint-$(id).tar',
    '..',
    '',
    FOLDER,
    '*.tar',
  ])('refuses %j', (word) => {
    expect(() => archiveToRemove(word)).toThrow(UsageError);
    expect(() => archiveToRemove(word)).toThrow(`${word} is no archive in ${FOLDER}`);
  });
});
