import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkpointPod, chooseRoute, hasSubresource, type PodCheckpoint } from '../../../scripts/kubectl-checkpoint/checkpoint-pod.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';
import type { Kube } from '../../../scripts/lib/kube/client.js';
import type { NodeReach } from '../../../scripts/lib/kube/reach.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { apiError, fakeKube, podObject } from '../../support/kube.js';

const ARCHIVE = '/var/lib/kubelet/checkpoints/checkpoint-counter_default-main-2026-01-02T12:00:00Z.tar';
const discovery = (...names: string[]) => ({
  getAPIResources: async () => ({ resources: names.map((name) => ({ name, verbs: ['create'] })) }),
});
const WITH = discovery('pods', 'pods/log', 'pods/checkpoint');
const WITHOUT = discovery('pods', 'pods/log');
const away = async (): Promise<NodeReach> => ({ name: 'node-1', kind: undefined, why: 'it is no kind node' });
const here = async (): Promise<NodeReach> => ({ name: 'node-1', kind: { cluster: 'dev', name: 'node-1' }, why: '' });

describe('discovery', () => {
  test('tells whether the API server has the subresource', async () => {
    expect(await hasSubresource(fakeKube(WITH))).toBe(true);
    expect(await hasSubresource(fakeKube(WITHOUT))).toBe(false);
    const other = { getAPIResources: async () => ({ resources: [{ name: 'pods/checkpoint', verbs: ['get'] }] }) };
    expect(await hasSubresource(fakeKube(other))).toBe(false);
  });

  test('that is refused is told', async () => {
    const kube = fakeKube({ getAPIResources: () => Promise.reject(apiError(403, 'no discovery for you')) });
    await expect(hasSubresource(kube)).rejects.toMatchObject({ details: ['the API server answered 403: no discovery for you'] });
  });
});

describe('the way', () => {
  test('is the subresource where the API server has it, else the node proxy, and that is said', async () => {
    const ctx = testContext();
    expect((await chooseRoute(ctx, fakeKube(WITH), undefined, away)).kind).toBe('api');
    expect(ctx.said).toEqual([]);
    expect((await chooseRoute(ctx, fakeKube(WITHOUT), undefined, away)).kind).toBe('node-proxy');
    expect(ctx.said).toEqual(['this API server has no pods/checkpoint: asking the kubelet through the node proxy']);
  });

  test('is the one that is named, without a look at what there is', async () => {
    expect((await chooseRoute(testContext(), fakeKube(), 'node-proxy', away)).kind).toBe('node-proxy');
    expect(await chooseRoute(testContext(), fakeKube(), 'kubelet', here)).toEqual({ kind: 'kubelet', cluster: 'dev' });
  });

  test('to the subresource is refused where there is none', async () => {
    await expect(chooseRoute(testContext(), fakeKube(WITHOUT), 'api', away)).rejects.toThrow(
      '--via api: this API server has no pods/checkpoint',
    );
  });

  test('to the kubelet itself is refused where the node is not here', async () => {
    const refused = chooseRoute(testContext(), fakeKube(), 'kubelet', away);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow('--via kubelet: node node-1 cannot be reached: it is no kind node');
  });
});

const asked: PodCheckpoint = {
  namespace: 'default',
  pod: 'counter',
  container: undefined,
  timeoutSeconds: 600,
  via: undefined,
  output: undefined,
  fetch: 'auto',
  helper: { namespace: 'default', image: 'busybox' },
};

/** A cluster on other machines whose helper pods do not start. */
function remote(core: Parameters<typeof fakeKube>[0] = {}, rest: Partial<Kube> = {}): Kube {
  return fakeKube(
    {
      ...WITHOUT,
      readNamespacedPod: async () => podObject(),
      readNode: async () => ({ spec: { providerID: 'aws:///x/i-1' } }),
      ...core,
    },
    { ask: async () => ({ status: 200, body: JSON.stringify({ items: [ARCHIVE] }) }), ...rest },
  );
}

describe('a checkpoint of a pod', () => {
  test('of any cluster stays on its node unless it is asked for', async () => {
    expect(await checkpointPod(testContext(), remote(), asked)).toMatchObject({
      archive: ARCHIVE,
      node: 'node-1',
      via: 'node-proxy',
      container: { container: 'main' },
      local: undefined,
    });
  });

  test('on a kind node of this machine takes two commands on the node', async () => {
    const runner = fakeRunner(({ args }) => {
      const machine = args[4]?.includes('/etc/machine-id') ? '34fe\n' : '';
      return `${machine}tasks:\nTASK PID STATUS\narchives:`;
    });
    const kube = remote({
      readNode: async () => ({ spec: { providerID: 'kind://docker/dev/node-1' }, status: { nodeInfo: { machineID: '34fe' } } }),
    });
    await checkpointPod(testContext({ runner }), kube, asked);
    expect(runner.lines).toHaveLength(2);
  });

  test('that does not exist is told with the context', async () => {
    const kube = remote({ readNamespacedPod: () => Promise.reject(apiError(404, 'pods "counter" not found')) });
    await expect(checkpointPod(testContext(), kube, asked)).rejects.toMatchObject({
      message: 'there is no pod counter in the namespace default',
      details: ['context: test'],
    });
  });

  test('is not made when the archive could not be had', async () => {
    const kube = remote(
      { createNamespacedPod: () => Promise.reject(apiError(403, 'violates PodSecurity "baseline:latest": hostPath volumes')) },
      { ask: () => Promise.reject(new TypeError('a checkpoint was made')) },
    );
    const output = path.join(temporaryFolder(), 'a.tar');
    await expect(checkpointPod(testContext(), kube, { ...asked, output })).rejects.toMatchObject({
      message: expect.stringMatching(/^the helper pod default\/checkpoint-helper-[0-9a-f]{8} could not be created$/),
      details: [expect.stringContaining('hostPath volumes')],
      hint: expect.stringContaining('--helper-namespace'),
    });
  });

  test.each([
    { name: 'whose folder is not there', output: 'none/a.tar', message: 'there is no folder' },
    { name: 'that is a folder which is not there', output: 'none/', message: 'there is no folder' },
    { name: 'that is a format of kubectl', output: 'json', message: 'json is an output format of kubectl' },
    { name: 'that is a device', output: '/dev/null', message: 'is not an ordinary file' },
  ])('into a file $name is refused before it is made', async ({ output, message }) => {
    const refused = checkpointPod(testContext(), fakeKube(), {
      ...asked,
      output: output.startsWith('none') ? `${temporaryFolder()}/${output}` : output,
    });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  test('leaves a folder that is named for output alone', async () => {
    const folder = temporaryFolder();
    await put(path.join(folder, 'mine'), 'kept');
    await mkdir(path.join(folder, 'sub'));
    const kube = remote({ createNamespacedPod: () => Promise.reject(apiError(403, 'no')) });
    await expect(checkpointPod(testContext(), kube, { ...asked, output: folder })).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual(['mine', 'sub']);
    expect(await readFile(path.join(folder, 'mine'), 'utf8')).toBe('kept');
  });
});
