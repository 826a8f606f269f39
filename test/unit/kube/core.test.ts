import { describe, expect, test } from 'vitest';
import { type ApiRequest, coreApi, type Method } from '../../../scripts/lib/kube/core.js';

/** The core API over a server that answers everything alike, and what it was asked. */
function answering(body: unknown): { core: ReturnType<typeof coreApi>; asked: Array<[Method, string, Partial<ApiRequest>]> } {
  const asked: Array<[Method, string, Partial<ApiRequest>]> = [];
  const core = coreApi(async (method, route, { timeoutMs: _, ...request }) => {
    asked.push([method, route, request]);
    return { status: 200, body: JSON.stringify(body) };
  });
  return { core, asked };
}

describe('a pod', () => {
  test('is deleted only under the UID that is meant: another one may have got its name', async () => {
    const { core, asked } = answering({});
    await core.deleteNamespacedPod({ namespace: 'shop', name: 'a', gracePeriodSeconds: 0, uid: 'u-1' });
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid: 'u-1' } };
    expect(asked).toEqual([['DELETE', '/api/v1/namespaces/shop/pods/a', { body }]]);
  });

  test('is found by its labels, or by its node', async () => {
    const { core, asked } = answering({ items: [{ metadata: { name: 'a' } }] });
    expect(await core.listNamespacedPod({ namespace: 'shop', labelSelector: 'a=b' })).toMatchObject({
      items: [{ metadata: { name: 'a' } }],
    });
    await core.listPodsOfNode({ name: 'n' });
    expect(asked.map(([, route, { query }]) => [route, query])).toEqual([
      ['/api/v1/namespaces/shop/pods', { labelSelector: 'a=b' }],
      ['/api/v1/pods', { fieldSelector: 'spec.nodeName=n' }],
    ]);
  });
});

test('whether something is allowed is asked of the API server', async () => {
  const { core, asked } = answering({ status: { allowed: true } });
  const access = { verb: 'create', resource: 'pods', subresource: 'restore', namespace: 'shop' };
  expect(await core.createSelfSubjectAccessReview(access)).toEqual({ status: { allowed: true } });
  expect(asked[0]?.slice(0, 2)).toEqual(['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews']);
  expect(asked[0]?.[2].body).toMatchObject({ kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: access } });
});
