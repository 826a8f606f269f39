import { describe, expect, test } from 'vitest';
import { InterruptedError } from '../../../scripts/lib/core/errors.js';
import { type Helper, helperPod, withHelperPod } from '../../../scripts/lib/kube/helper-pod.js';
import { testContext } from '../../support/context.js';
import { apiError, fakeKube } from '../../support/kube.js';

const helper: Helper = { node: 'node-1', namespace: 'shop', image: 'busybox:1.36', writable: false };
const running = { status: { phase: 'Running', containerStatuses: [{ state: { running: {} } }] } };
const waiting = (reason: string, message?: string) => ({
  status: { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason, ...(message === undefined ? {} : { message }) } } }] },
});

/** An API server with pods, and what was asked of it. */
function cluster(...statuses: unknown[]) {
  const done: string[] = [];
  const core = {
    createNamespacedPod: async ({ namespace, body }: { namespace: string; body: { metadata: { name: string } } }) => {
      done.push(`create ${namespace}/${body.metadata.name}`);
    },
    readNamespacedPod: async () => (statuses.length > 1 ? statuses.shift() : statuses[0]),
    listNamespacedEvent: async () => ({ items: [{ message: 'hostPath type check failed' }] }),
    deleteNamespacedPod: async ({
      namespace,
      name,
      gracePeriodSeconds,
    }: {
      namespace: string;
      name: string;
      gracePeriodSeconds: number;
    }) => {
      done.push(`delete ${namespace}/${name} ${gracePeriodSeconds}`);
    },
  };
  return { core, done };
}
const CREATED = expect.stringMatching(/^create shop\/checkpoint-helper-[0-9a-f]{8}$/);
const DELETED = expect.stringMatching(/^delete shop\/checkpoint-helper-[0-9a-f]{8} 0$/);

test('the helper sees the checkpoint folder of its node, and has no rights beside', () => {
  const { metadata, spec } = helperPod('x', helper);
  expect(metadata).toMatchObject({ name: 'x', namespace: 'shop' });
  expect(spec).toMatchObject({
    nodeName: 'node-1',
    tolerations: [{ operator: 'Exists' }],
    restartPolicy: 'Never',
    activeDeadlineSeconds: 3600,
    automountServiceAccountToken: false,
    volumes: [{ hostPath: { path: '/var/lib/kubelet/checkpoints', type: 'Directory' } }],
  });
  expect(spec?.containers[0]).toMatchObject({
    image: 'busybox:1.36',
    imagePullPolicy: 'IfNotPresent',
    securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ mountPath: '/var/lib/kubelet/checkpoints', readOnly: true }],
  });
  expect(helperPod('x', { ...helper, writable: true }).spec?.containers[0]?.volumeMounts?.[0]?.readOnly).toBe(false);
});

describe('a helper', () => {
  test('is there while it is used, and gone afterwards', async () => {
    const { core, done } = cluster(waiting('ContainerCreating'), { status: { phase: 'Pending' } }, running);
    const used = await withHelperPod(testContext(), fakeKube(core), helper, async ({ namespace, pod, container }) => {
      expect(done).toEqual([CREATED]);
      return `${namespace}/${pod}/${container}`;
    });
    expect(used).toMatch(/^shop\/checkpoint-helper-[0-9a-f]{8}\/helper$/);
    expect(done).toEqual([CREATED, DELETED]);
  });

  test('is gone after a failure', async () => {
    const { core, done } = cluster(running);
    await expect(withHelperPod(testContext(), fakeKube(core), helper, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(done).toEqual([CREATED, DELETED]);
  });

  test('is gone after a run that was stopped while it started', async () => {
    const { core, done } = cluster(waiting('ContainerCreating'));
    const ctx = testContext();
    ctx.clock.whileAsleep = () => ctx.abort.abort(new InterruptedError('SIGINT', 130));
    await expect(withHelperPod(ctx, fakeKube(core), helper, async () => undefined)).rejects.toBeInstanceOf(InterruptedError);
    expect(done).toEqual([CREATED, DELETED]);
  });

  test('whose image cannot be had is not waited for', async () => {
    const { core, done } = cluster(waiting('ErrImagePull', 'no such host'));
    await expect(withHelperPod(testContext(), fakeKube(core), helper, async () => undefined)).rejects.toMatchObject({
      message: 'the helper pod does not start on node node-1',
      details: ['ErrImagePull', 'no such host'],
      hint: expect.stringContaining('--helper-image (now busybox:1.36)'),
    });
    expect(done).toEqual([CREATED, DELETED]);
  });

  test('that does not get on is given up, with the kubelet’s warnings', async () => {
    const { core } = cluster({ status: { phase: 'Pending' } });
    const ctx = testContext();
    const start = ctx.clock.now();
    await expect(withHelperPod(ctx, fakeKube(core), helper, async () => undefined)).rejects.toMatchObject({
      details: ['it is Pending', 'hostPath type check failed'],
    });
    expect(ctx.clock.now() - start).toBeGreaterThan(120_000);
  });

  test('that the node turns away is given up', async () => {
    const { core } = cluster({ status: { phase: 'Failed', reason: 'OutOfpods' } });
    await expect(withHelperPod(testContext(), fakeKube(core), helper, async () => undefined)).rejects.toMatchObject({
      details: ['OutOfpods', 'hostPath type check failed'],
    });
  });

  test('that was refused is not removed', async () => {
    const { core, done } = cluster(running);
    const kube = fakeKube({ ...core, createNamespacedPod: () => Promise.reject(apiError(403, 'no')) });
    await expect(withHelperPod(testContext(), kube, helper, async () => undefined)).rejects.toThrow('could not be created');
    expect(done).toEqual([]);
  });

  test('is removed when the answer to its creation was lost', async () => {
    const { core, done } = cluster(running);
    const kube = fakeKube({ ...core, createNamespacedPod: () => Promise.reject(new Error('socket hang up')) });
    await expect(withHelperPod(testContext(), kube, helper, async () => undefined)).rejects.toThrow('the API server does not answer');
    expect(done).toEqual([DELETED]);
  });

  test('that cannot be removed is named, and hides no result', async () => {
    const { core } = cluster(running);
    const ctx = testContext();
    const kube = fakeKube({ ...core, deleteNamespacedPod: () => Promise.reject(apiError(500, 'no')) });
    expect(await withHelperPod(ctx, kube, helper, async () => 'result')).toBe('result');
    expect(ctx.said[0]).toMatch(/could not be removed .* kubectl --namespace shop delete pod checkpoint-helper-/);
  });

  test('whose removal fails once is removed all the same, also when the run was stopped', async () => {
    const { core, done } = cluster(running);
    const ctx = testContext();
    let tries = 0;
    const deleteNamespacedPod: typeof core.deleteNamespacedPod = (pod) =>
      ++tries === 1 ? Promise.reject(apiError(500, 'no')) : core.deleteNamespacedPod(pod);
    await withHelperPod(ctx, fakeKube({ ...core, deleteNamespacedPod }), helper, async () => ctx.abort.abort());
    expect(done).toEqual([CREATED, DELETED]);
    expect(ctx.said).toEqual([]);
  });

  test('that is gone already needs no removal', async () => {
    const { core } = cluster(running);
    const ctx = testContext();
    await withHelperPod(
      ctx,
      fakeKube({ ...core, deleteNamespacedPod: () => Promise.reject(apiError(404, 'gone')) }),
      helper,
      async () => 1,
    );
    expect(ctx.said).toEqual([]);
  });
});
