import { describe, expect, test } from 'vitest';
import { proveRestored } from '../../../scripts/checkpoint/restore-proof.js';
import { untilStarted, type Waiting } from '../../../scripts/checkpoint/restored-pod.js';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import type { NodeReach } from '../../../scripts/lib/kube/reach.js';
import { testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';
import { apiError, fakeKube } from '../../support/kube.js';

const where = { namespace: 'shop', name: 'web-2' };

/** A pod with containers in these states. */
function pod(states: Readonly<Record<string, object>>, status: object = {}): object {
  return { status: { phase: 'Pending', containerStatuses: Object.entries(states).map(([name, more]) => ({ name, ...more })), ...status } };
}
const waiting = (reason: string, message?: string): object => ({ state: { waiting: { reason, ...(message && { message }) } } });
const running = { state: { running: { startedAt: '2026-01-02T12:00:01Z' } } };

/** Waits for a pod that is seen like this, one after the other; the last for ever. */
async function wait(seen: readonly (object | Error)[], more: Partial<Waiting> = {}, events: readonly string[] = []): Promise<unknown> {
  const left = [...seen];
  const kube = fakeKube({
    readNamespacedPod: async () => {
      const now = left.length > 1 ? left.shift() : left[0];
      if (now instanceof Error) throw now;
      return now;
    },
    listNamespacedEvent: async () => ({ items: events.map((message) => ({ message })) }),
  });
  return untilStarted(testContext(), kube, where, { containers: ['main'], ...more });
}

const failure = (...args: Parameters<typeof wait>): Promise<ToolkitError> =>
  wait(...args).then(
    () => {
      throw new TypeError('it has started');
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(ToolkitError);
      return error as ToolkitError;
    },
  );

describe('a pod that starts', () => {
  test('is waited for until all containers that matter have', async () => {
    const both = pod({ main: running, second: running });
    const seen = [pod({}), pod({ main: waiting('ContainerCreating') }), pod({ main: running, second: waiting('ContainerCreating') }), both];
    await expect(wait(seen, { containers: ['main', 'second'] })).resolves.toMatchObject(both);
  });

  test('has started when its process has ended already, or was started again since', async () => {
    const end = { terminated: { exitCode: 1, reason: 'Error' } };
    await expect(wait([pod({ main: { state: end } })])).resolves.toBeDefined();
    await expect(wait([pod({ main: { ...waiting('CrashLoopBackOff', 'back-off 10s'), lastState: end } })])).resolves.toBeDefined();
  });

  test('that does not is an error with what the runtime said', async () => {
    const message = 'failed to restore container "main": checkpoint archive /var/lib/kubelet/checkpoints/a.tar is cut off';
    const error = await failure([pod({ main: waiting('ContainerCreating') }), pod({ main: waiting('CreateContainerError', message) })]);
    expect(error.message).toBe('container main of pod web-2 does not start (CreateContainerError)');
    expect(error.details).toEqual([message]);
  });

  test('tells the runtime’s reason while the kubelet waits to try again', async () => {
    const before = { terminated: { exitCode: 128, reason: 'StartError', message: 'rpc error: code = Unknown desc = CRIU: no space' } };
    const error = await failure([pod({ main: { ...waiting('CrashLoopBackOff', 'back-off 10s restarting'), lastState: before } })]);
    expect(error.details).toEqual(['CRIU: no space']);
  });

  test('tells the events where its status says nothing', async () => {
    const error = await failure([pod({ main: waiting('CreateContainerError') })], {}, ['Error: it is empty', 'Error: it is empty']);
    expect(error.details).toEqual(['it is empty']);
  });

  test('is waited for while the runtime is at work still', async () => {
    const slow = pod({ main: waiting('CreateContainerError', 'context deadline exceeded') });
    const reserved = pod({ main: waiting('CreateContainerError', 'failed to reserve container name: name "x" is reserved for "y"') });
    await expect(wait([slow, reserved, pod({ main: running })])).resolves.toBeDefined();
  });

  test('that its node does not take says why, and what to do', async () => {
    const error = await failure([pod({}, { phase: 'Failed', reason: 'OutOfcpu', message: 'Node didn’t have enough resource: cpu' })]);
    expect(error.message).toBe('pod web-2 was not taken by its node (OutOfcpu)');
    expect(error.details).toEqual(['Node didn’t have enough resource: cpu']);
    expect(error.hint).toContain('--node');
  });

  test.each([
    { reason: 'ErrImageNeverPull', message: 'Container image "web:1" is not present', hint: 'image:load' },
    { reason: 'ImagePullBackOff', message: 'Back-off pulling image', hint: 'able to pull' },
    {
      reason: 'CreateContainerError',
      message: 'failed to fill the volume on /data: it holds something already (x)',
      hint: 'of that one too',
    },
  ])('says what helps after $reason: $message', async ({ reason, message, hint }) => {
    expect((await failure([pod({ main: waiting(reason, message) })])).hint).toContain(hint);
  });

  test('that was removed meanwhile is not waited for', async () => {
    expect((await failure([pod({}), apiError(404, 'not found')])).message).toBe('pod shop/web-2 was removed while it started');
  });

  test('is not waited for for ever: what is missing is told', async () => {
    const error = await failure([pod({ main: running, second: waiting('ContainerCreating') })], {
      containers: ['main', 'second'],
      patienceMs: 5000,
    });
    expect(error.message).toBe('pod web-2 has not started within 5 s');
    expect(error.details).toEqual(['it is Pending', 'container second: ContainerCreating']);
  });
});

describe('the proof that a container was restored', () => {
  const created = '2026-01-02T12:00:00Z';
  const here: NodeReach = { name: 'node-1', kind: { cluster: 'dev', name: 'node-1' }, why: '' };
  const away: NodeReach = { name: 'node-1', kind: undefined, why: 'it is no kind node' };
  const journal = 'docker exec node-1 journalctl --unit=containerd --output=cat --no-pager --since=@1767355200';
  const line = (pod: string): string =>
    `time="2026-01-02T12:00:01Z" level=info msg="Restored container \\"main\\" of pod \\"${pod}\\" from checkpoint archive \\"a.tar\\""`;
  const prove = (reach: NodeReach, printed: string, log: string, status = 200) =>
    proveRestored(
      testContext({ runner: fakeRunner({ [journal]: printed }) }),
      fakeKube({}, { ask: async () => ({ status, body: log }) }),
      reach,
      { namespace: 'shop', pod: 'web-2', created },
      'main',
    );

  test('is the runtime’s own word', async () => {
    expect(await prove(here, `starting\n${line('web')}\n${line('web-2')}\nnext`, '')).toEqual({
      container: 'main',
      by: 'runtime',
      seen: 'Restored container "main" of pod "web-2" from checkpoint archive "a.tar"',
    });
  });

  test('is a log that is older than its pod, where the node is out of reach', async () => {
    const proof = await prove(away, '', '2026-01-02T11:59:00.123456789Z 0\n');
    expect(proof).toMatchObject({ by: 'log', seen: expect.stringContaining('2026-01-02T11:59:00.123Z') });
  });

  test.each([
    { name: 'its log is younger', log: '2026-01-02T12:00:02.1Z 0\n', status: 200, why: 'no older than its pod' },
    { name: 'it printed nothing', log: '', status: 200, why: 'its log is empty' },
    { name: 'its log is not for us to read', log: '{}', status: 403, why: 'cannot be read (403)' },
  ])('is missing where $name', async ({ log, status, why }) => {
    const proof = await prove(away, '', log, status);
    expect(proof.by).toBeUndefined();
    expect(proof.seen).toContain(why);
  });

  test('is missing where the runtime tells of another pod alone', async () => {
    expect(await prove(here, line('web'), '')).toMatchObject({ by: undefined, seen: expect.stringContaining('has not said so') });
  });
});
