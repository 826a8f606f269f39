import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ToolkitError } from '../../../scripts/lib/core/errors.js';
import { calling, connect, hintFor, httpStatus, type Kube, statusMessage } from '../../../scripts/lib/kube/client.js';
import { put, temporaryFolder } from '../../support/context.js';
import { apiError } from '../../support/kube.js';

type Answer = { readonly status: number; readonly body: string; readonly after?: number };

/** A cluster behind plain HTTP, and the requests that it got. */
async function cluster(answer: Answer, prefix = ''): Promise<{ kube: Kube; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    setTimeout(() => response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body), answer.after ?? 0);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { kube: await connected(`http://127.0.0.1:${port}${prefix}`), asked };
}

async function connected(server: string): Promise<Kube> {
  const config = {
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'secret' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
    'current-context': 'x',
  };
  return connect({ KUBECONFIG: await put(path.join(temporaryFolder(), 'config'), JSON.stringify(config)) }, {});
}

describe('a route without a method of the client', () => {
  test('is asked with the credentials of the context, below the server’s own path', async () => {
    const { kube, asked } = await cluster({ status: 200, body: '{"items":["/a.tar"]}' }, '/clusters/one');
    const answer = await kube.ask('POST', '/api/v1/nodes/n/proxy/checkpoint/a/b/c', { query: { timeout: '60' }, timeoutMs: 5000 });
    expect(answer).toEqual({ status: 200, body: '{"items":["/a.tar"]}' });
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/clusters/one/api/v1/nodes/n/proxy/checkpoint/a/b/c?timeout=60' });
    expect(asked[0]?.headers.authorization).toBe('Bearer secret');
    expect(kube).toMatchObject({ context: 'x', namespace: 'shop' });
  });

  test('that changes something sends a merge patch', async () => {
    const { kube, asked } = await cluster({ status: 200, body: '{}' });
    await kube.core.patchNamespacedPod({ namespace: 'shop', name: 'a', body: { metadata: { labels: { a: 'b' } } } });
    expect(asked[0]).toMatchObject({ method: 'PATCH', url: '/api/v1/namespaces/shop/pods/a' });
    expect(asked[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });

  test('gives its answer whatever the status', async () => {
    const { kube } = await cluster({ status: 409, body: 'busy' });
    expect(await kube.ask('POST', '/x', { timeoutMs: 5000 })).toEqual({ status: 409, body: 'busy' });
  });

  test('is not waited for for ever', async () => {
    const { kube } = await cluster({ status: 200, body: '', after: 60_000 });
    await expect(kube.ask('POST', '/x', { timeoutMs: 50 })).rejects.toMatchObject({
      message: expect.stringContaining('the API server does not answer'),
      details: ['it took too long'],
    });
  });

  test('of a server that is not there is an error for people', async () => {
    const kube = await connected('http://127.0.0.1:1');
    await expect(kube.ask('GET', '/x', { timeoutMs: 5000 })).rejects.toMatchObject({
      name: 'ToolkitError',
      message: 'the API server does not answer: http://127.0.0.1:1',
      details: [expect.stringContaining('ECONNREFUSED')],
    });
  });
});

describe('a call of the API', () => {
  test('that is refused tells the message of the API server, and keeps the status', async () => {
    const { kube } = await cluster({ status: 403, body: '{"kind":"Status","message":"pods \\"a\\" is forbidden"}' });
    const error = await calling(kube, 'pod a could not be read', () => kube.core.readNamespacedPod({ namespace: 'shop', name: 'a' })).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ToolkitError);
    expect(error).toMatchObject({
      message: 'pod a could not be read',
      details: ['the API server answered 403: pods "a" is forbidden'],
      hint: expect.stringContaining('manifests/kubectl-checkpoint-rbac.yaml'),
    });
    expect(httpStatus(error)).toBe(403);
  });

  test('gives what the API server gave', async () => {
    const { kube } = await cluster({ status: 200, body: '{"resources":[{"name":"pods/checkpoint","verbs":["create"]}]}' });
    const { resources } = await kube.core.getAPIResources();
    expect(resources[0]).toMatchObject({ name: 'pods/checkpoint', verbs: ['create'] });
  });

  test('hands on errors of the toolkit', async () => {
    const own = new ToolkitError('mine');
    await expect(calling({ server: '' }, 'x', () => Promise.reject(own))).rejects.toBe(own);
    expect(httpStatus(own)).toBeUndefined();
    expect(httpStatus(apiError(404, 'x'))).toBe(404);
  });
});

test.each([
  ['{"kind":"Status","message":"no such pod"}', 'no such pod'],
  [{ kind: 'Status', message: 'no such pod' }, 'no such pod'],
  ['404 page not found\n', '404 page not found'],
  ['{"kind":"Status"}', '{"kind":"Status"}'],
  [{ other: 1 }, '{"other":1}'],
  [undefined, '""'],
])('the message of %j is %s', (body, message) => {
  expect(statusMessage(body)).toBe(message);
});

test('what to do depends on the status', () => {
  expect(hintFor(401)).toContain('credentials');
  expect(hintFor(403)).toContain('rbac');
  expect(hintFor(500)).toBeUndefined();
});
