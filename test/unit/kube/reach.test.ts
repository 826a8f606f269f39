import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { reachNode, readProviderId, visitNode } from '../../../scripts/lib/kube/reach.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';
import { type Answer, fakeRunner } from '../../support/fake-runner.js';
import { apiError, fakeKube } from '../../support/kube.js';

const node = (providerID: string | undefined, machineID = '34fe') => ({
  readNode: async () => ({ spec: { providerID }, status: { nodeInfo: { machineID } } }),
});
const KIND = 'kind://docker/dev/dev-worker';
const docker = (answer: Answer) => testContext({ runner: fakeRunner({ 'docker exec dev-worker cat /etc/machine-id': answer }) });

test.each([
  [KIND, { cluster: 'dev', name: 'dev-worker' }],
  ['kind://podman/dev/dev-worker', undefined],
  ['aws:///eu-west-1a/i-0123', undefined],
  ['kind://docker/dev', undefined],
  ['', undefined],
])('the provider ID %j is read as %j', (text, expected) => {
  expect(readProviderId(text)).toEqual(expected);
});

describe('a node', () => {
  test('is within reach when the container of its name is the same machine', async () => {
    expect(await reachNode(docker('34fe\n'), fakeKube(node(KIND)), 'dev-worker')).toEqual({
      name: 'dev-worker',
      kind: { cluster: 'dev', name: 'dev-worker' },
      why: '',
    });
  });

  test.each([
    { name: 'another kind cluster of that name runs here', kube: node(KIND), answer: 'beef', why: 'another machine’s Docker' },
    { name: 'there is no such container', kube: node(KIND), answer: 1, why: 'no such container' },
    { name: 'Docker does not answer', kube: node(KIND), answer: new Error('no docker'), why: 'Docker does not answer here (no docker)' },
    { name: 'the API does not tell the machine', kube: node(KIND, ''), answer: '', why: 'another machine’s Docker' },
  ])('is out of reach when $name', async ({ kube, answer, why }) => {
    const { kind, why: told } = await reachNode(docker(answer), fakeKube(kube), 'dev-worker');
    expect(kind).toBeUndefined();
    expect(told).toContain(why);
  });

  test.each([
    { name: 'it is of another provider', kube: node('gce://x/y/z'), why: 'it is no kind node' },
    { name: 'it has no provider', kube: node(undefined), why: 'it is no kind node' },
    { name: 'its provider ID is that of another node', kube: node('kind://docker/dev/other'), why: 'it is no kind node' },
    {
      name: 'it may not be read',
      kube: { readNode: () => Promise.reject(apiError(403, 'no')) },
      why: 'its node object cannot be read (HTTP-Code: 403)',
    },
  ])('is out of reach, and Docker is not asked, when $name', async ({ kube, why }) => {
    expect(await reachNode(testContext(), fakeKube(kube), 'dev-worker')).toEqual({ name: 'dev-worker', kind: undefined, why });
  });
});

describe('a script for a node', () => {
  const script = { text: 'echo "$1"; exit "$2"', args: ['seen', '0'] };

  /** The container's shell, with a machine ID of its own. */
  async function container(machineId: string, exit = '0') {
    const programs = temporaryFolder();
    await put(path.join(programs, 'cat'), `#!/bin/sh\necho ${machineId}\n`, 0o755);
    const shell = realRunner({ env: { PATH: `${programs}${path.delimiter}${process.env['PATH']}` } });
    const runner = fakeRunner(({ args }) => shell.run(args[2] ?? '', args.slice(3), { accept: true }));
    const ctx = testContext({ runner });
    return { runner, visit: () => visitNode(ctx, fakeKube(node(KIND)), 'dev-worker', { ...script, args: ['seen', exit] }) };
  }

  test('runs in the same breath as the node is reached', async () => {
    const { runner, visit } = await container('34fe');
    expect(await visit()).toMatchObject({ reach: { kind: { name: 'dev-worker' } }, printed: 'seen' });
    expect(runner.lines).toHaveLength(1);
  });

  test('does not run on another machine', async () => {
    const { visit } = await container('beef');
    expect(await visit()).toMatchObject({
      reach: { kind: undefined, why: expect.stringContaining('another machine’s Docker') },
      printed: undefined,
    });
  });

  test('that fails says nothing of the reach', async () => {
    const { visit } = await container('34fe', '3');
    expect(await visit()).toMatchObject({ reach: { kind: { name: 'dev-worker' } }, printed: undefined });
  });

  test('does not run where the API does not tell the machine', async () => {
    const ctx = docker('34fe');
    expect((await visitNode(ctx, fakeKube(node(KIND, '')), 'dev-worker', script)).printed).toBeUndefined();
  });

  test('needs no look at the node that has been read', async () => {
    const { runner } = await container('34fe');
    const object = { metadata: { name: 'dev-worker' }, ...(await node(KIND).readNode()) };
    expect((await visitNode(testContext({ runner }), fakeKube(), object, script)).printed).toBe('seen');
  });
});
