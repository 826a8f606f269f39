import { describe, expect, test } from 'vitest';
import { gatherFacts } from '../../../../scripts/checkpoint/migrate/facts.js';
import { readTarget } from '../../../../scripts/checkpoint/migrate/journal.js';
import { readMovingPod } from '../../../../scripts/checkpoint/migrate/moving-pod.js';
import type { Route } from '../../../../scripts/checkpoint/request.js';
import type { CoreApi, ResourceAccess } from '../../../../scripts/lib/kube/core.js';
import { apiError, fakeKube } from '../../../support/kube.js';

const pod = (spec: object = {}, metadata: object = {}) =>
  readMovingPod({
    metadata: { name: 'web', namespace: 'shop', uid: 'u', ...metadata },
    spec: { nodeName: 'n1', containers: [{ name: 'main' }], ...spec },
    status: { phase: 'Running' },
  });
const core: Partial<Record<keyof CoreApi, unknown>> = {
  readNode: async ({ name }: { name: string }) => ({ metadata: { name } }),
  createSelfSubjectAccessReview: async () => ({ status: { allowed: true } }),
};
const api: Route = { kind: 'api', kube: fakeKube() };

describe('before a pod moves it is asked', () => {
  test('what this user may do, by the way that is taken', async () => {
    const asked: string[] = [];
    const createSelfSubjectAccessReview = async ({ verb, resource, subresource = '' }: ResourceAccess) => {
      asked.push(`${verb} ${resource}/${subresource}`);
      return { status: { allowed: subresource !== 'restore' } };
    };
    const kube = fakeKube({ ...core, createSelfSubjectAccessReview });
    expect((await gatherFacts(kube, pod(), 'n2', api, false)).missingRights).toEqual(['create pods/restore in namespace shop']);
    expect(asked).toEqual(['create pods/', 'patch pods/', 'delete pods/', 'create pods/restore', 'create pods/checkpoint']);
    await gatherFacts(kube, pod(), 'n2', { kind: 'node-proxy', kube }, false);
    expect(asked.at(-1)).toBe('create nodes/proxy');
  });

  test('whether there is the node', async () => {
    const readNode = async ({ name }: { name: string }) => {
      if (name === 'n2') throw apiError(404, 'not found');
      return { metadata: { name } };
    };
    const { source, target } = await gatherFacts(fakeKube({ ...core, readNode }), pod(), 'n2', api, false);
    expect([source?.metadata?.name, target]).toEqual(['n1', undefined]);
  });

  test('which of the node’s ports are taken, if the pod wants any', async () => {
    const other = {
      metadata: { name: 'in', namespace: 'sys', uid: 'o' },
      spec: { containers: [{ name: 'c', ports: [{ hostPort: 53, protocol: 'UDP' }] }] },
      status: {},
    };
    const kube = fakeKube({ ...core, listPodsOfNode: async () => ({ items: [other] }) });
    const wants = pod({ containers: [{ name: 'main', ports: [{ hostPort: 80 }] }] });
    expect((await gatherFacts(kube, wants, 'n2', api, false)).portsTaken).toEqual(new Map([['53/UDP', 'sys/in']]));
    expect((await gatherFacts(fakeKube(core), pod(), 'n2', api, false)).portsTaken).toEqual(new Map());
  });

  test('where the volumes of its claims are; a claim that cannot be read is left open', async () => {
    const kube = fakeKube({
      ...core,
      readNamespacedPersistentVolumeClaim: async ({ name }: { name: string }) => {
        if (name === 'secret') throw apiError(403, 'no');
        return { spec: { accessModes: ['ReadWriteMany'], volumeName: 'v' } };
      },
      readPersistentVolume: async () => ({ spec: { nodeAffinity: {} } }),
    });
    const volumes = ['data', 'secret'].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
    const { claims } = await gatherFacts(kube, pod({ volumes }), 'n2', api, false);
    expect([...claims.keys()]).toEqual(['data']);
    expect(claims.get('data')?.volume?.spec.nodeAffinity).toEqual({});
  });
});

test('a journal that is damaged is not guessed at', () => {
  const marks = {
    labels: { 'migration.checkpoint.containerd.io/under-way': 'begun' },
    annotations: { 'migration.checkpoint.containerd.io/name': 'shared/m', 'migration.checkpoint.containerd.io/source': 'n1' },
  };
  expect(() => readTarget(pod({}, marks))).toThrow('the journal of a migration in pod shop/web is damaged');
  expect(readTarget(pod())).toBeUndefined();
});
