import { describe, expect, test } from 'vitest';
import { withSurroundings } from '../../../../scripts/checkpoint/migrate/open.js';
import type { Surroundings } from '../../../../scripts/checkpoint/migrate/surroundings.js';
import { commandLine } from '../../../../scripts/lib/core/runner.js';
import { type TestContext, testContext } from '../../../support/context.js';
import { type Answers, fakeRunner } from '../../../support/fake-runner.js';
import { apiError, fakeKube } from '../../../support/kube.js';

const MACHINE = '0f3b7c8e9d1a4b5c8e7f6a5b4c3d2e1f';
const kindNode = (ready = 'True') => ({
  metadata: { name: 'n2' },
  spec: { providerID: 'kind://docker/dev/n2' },
  status: { nodeInfo: { machineID: MACHINE }, conditions: [{ type: 'Ready', status: ready }] },
});

/** The surroundings on a machine whose Docker answers so, while one node is as given. */
function around<T>(answers: Answers, node: object | Error, act: (around: Surroundings, ctx: TestContext) => Promise<T>): Promise<T> {
  const ctx = testContext({ runner: fakeRunner(answers) });
  const readNode = async (): Promise<unknown> => {
    if (node instanceof Error) throw node;
    return node;
  };
  const kube = fakeKube({ readNode });
  const silent = Object.assign(() => undefined, { end: () => undefined });
  const access = { way: 'auto', namespace: 'shop', image: 'busybox' } as const;
  return withSurroundings(
    ctx,
    kube,
    { kind: 'api', kube },
    access,
    () => silent,
    (made) => act(made, ctx),
  );
}

const inspect = commandLine('docker', ['inspect', '--format', '{{.State.Status}}', 'n2']);
const machineId = 'docker cp n2:/etc/machine-id -';

describe('a node is certain to be off', () => {
  test.each<[string, Answers, object | Error, boolean]>([
    [
      'when its container is, and it is the same machine',
      { [inspect]: 'exited', [machineId]: `machine-id\0…${MACHINE}\n` },
      kindNode(),
      true,
    ],
    ['but not while its container runs', { [inspect]: 'running' }, kindNode(), false],
    ['nor while it is paused: it may go on', { [inspect]: 'paused' }, kindNode(), false],
    ['nor when a container here has only got its name', { [inspect]: 'exited', [machineId]: 'machine-id\0…ffff\n' }, kindNode(), false],
    ['nor when Docker has no such container', { [inspect]: 1 }, kindNode(), false],
    ['nor when Docker does not answer', { [inspect]: new Error('cannot connect') }, kindNode(), false],
    ['nor when it is no kind node', {}, { metadata: { name: 'n2' }, spec: { providerID: 'aws:///i-1' } }, false],
    ['nor when nothing is known of it', {}, apiError(403, 'no'), false],
  ])('%s', async (_, answers, node, expected) => {
    expect(await around(answers, node, ({ isStopped }) => isStopped('n2'))).toBe(expected);
  });
});

describe('the folder of a node', () => {
  test('is kept open, and can be used after the run was stopped', async () => {
    const answers = { 'docker exec n2 cat /etc/machine-id': MACHINE, 'docker exec n2 ls': 'a.tar' };
    await around(answers, kindNode(), async ({ folder }, ctx) => {
      expect(await (await folder('n2')).run(['ls'])).toBe('a.tar');
      ctx.abort.abort(new Error('stopped'));
      expect(await folder('n2')).toBe(await folder('n2'));
      expect(await (await folder('n2')).run(['ls'])).toBe('a.tar');
    });
  });

  test('of a node that is off or silent is not waited for', async () => {
    const answers = { 'docker exec n2 cat /etc/machine-id': 1, [inspect]: 'exited', [machineId]: MACHINE };
    await around(answers, kindNode(), async ({ folder }) => {
      await expect(folder('n2')).rejects.toThrow('node n2 does not answer');
    });
    await around({}, { ...kindNode('Unknown'), spec: {} }, async ({ folder }) => {
      await expect(folder('n2')).rejects.toThrow('node n2 does not answer');
    });
  });
});

test('processes of a pod whose object is gone are looked for on its node', async () => {
  const filter = 'labels."io.kubernetes.pod.uid"==u-1,labels."io.cri-containerd.kind"==container';
  const containers = commandLine('docker', ['exec', 'n2', 'ctr', '--namespace=k8s.io', 'containers', 'ls', '--quiet', filter]);
  const answers = {
    'docker exec n2 cat /etc/machine-id': MACHINE,
    [containers]: 'c1\nc2\n',
    'docker exec n2 ctr --namespace=k8s.io tasks ls': 'TASK PID STATUS\nc1 7 RUNNING\nc2 8 STOPPED\nc3 9 RUNNING',
  };
  expect(await around(answers, kindNode(), ({ processesOf }) => processesOf('n2', 'u-1'))).toEqual(['c1']);
  const elsewhere = { ...kindNode(), spec: {} };
  expect(await around({}, elsewhere, ({ processesOf }) => processesOf('n2', 'u-1'))).toBeUndefined();
});
