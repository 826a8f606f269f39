import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect, type Kube } from '../../../scripts/lib/kube/client.js';
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from '../../support/certificates.js';
import { put, temporaryFolder } from '../../support/context.js';

interface Asked {
  readonly headers: IncomingMessage['headers'];
  /** Name in the client's certificate. */
  readonly certificate: string | undefined;
}

/** An API server that answers everything, and notes who asked. */
async function server(tls: boolean): Promise<{ port: number; asked: Asked[]; connections: () => number }> {
  const asked: Asked[] = [];
  const answer: http.RequestListener = (request, response) => {
    const certificate = tls ? (request.socket as TLSSocket).getPeerCertificate().subject?.CN?.toString() : undefined;
    asked.push({ headers: request.headers, certificate });
    response.end('{}');
  };
  const options = { cert: serverCertificate, key: serverKey, ca: authority, requestCert: true, rejectUnauthorized: false };
  const made = tls ? https.createServer(options, answer) : http.createServer(answer);
  let connections = 0;
  made.on(tls ? 'secureConnection' : 'connection', () => {
    connections++;
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    made.closeAllConnections();
    await new Promise((resolve) => made.close(resolve));
  });
  return { port: (made.address() as AddressInfo).port, asked, connections: () => connections };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const ask = (kube: Kube) => kube.ask('GET', '/x', { timeoutMs: 5000 });

/** The cluster at a port, as a kubeconfig in `folder` describes it. */
async function connected(
  port: number,
  { cluster = {}, user = {}, folder = temporaryFolder() }: { cluster?: object; user?: object; folder?: string },
): Promise<Kube> {
  const config = {
    clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}`, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  return connect({}, { kubeconfig: await put(path.join(folder, 'config'), JSON.stringify(config)) });
}
const TRUSTED = { 'certificate-authority-data': base64(authority), 'tls-server-name': 'cluster.invalid' };

describe('the server', () => {
  test.each([
    { name: 'is trusted by its authority and name', cluster: TRUSTED, reason: undefined },
    { name: 'is trusted when nothing is verified', cluster: { 'insecure-skip-tls-verify': true }, reason: undefined },
    { name: 'of an unknown authority is not', cluster: { 'tls-server-name': 'cluster.invalid' }, reason: /self-signed|unable to/ },
    { name: 'of another name is not', cluster: { ...TRUSTED, 'tls-server-name': 'other.invalid' }, reason: /does not match/ },
  ])('$name', async ({ cluster, reason }) => {
    const { port, asked } = await server(true);
    const answer = ask(await connected(port, { cluster, user: { token: 'secret' } }));
    if (reason === undefined) expect((await answer).status).toBe(200);
    else {
      await expect(answer).rejects.toMatchObject({
        message: `the API server does not answer: https://127.0.0.1:${port}`,
        details: [expect.stringMatching(reason)],
      });
      // It was not told the secret either.
      expect(asked).toEqual([]);
    }
  });

  test('may stand in a file beside the kubeconfig', async () => {
    const { port } = await server(true);
    const folder = temporaryFolder();
    await put(path.join(folder, 'pki', 'ca.crt'), authority);
    const cluster = { 'certificate-authority': 'pki/ca.crt', 'tls-server-name': 'cluster.invalid' };
    expect((await ask(await connected(port, { cluster, folder }))).status).toBe(200);
  });

  test('whose authority lies in a file that is not there is not asked', async () => {
    const { port } = await server(true);
    const kube = await connected(port, { cluster: { 'certificate-authority': '/nowhere/ca.crt' } });
    await expect(ask(kube)).rejects.toMatchObject({ details: [expect.stringContaining('/nowhere/ca.crt')] });
  });

  test('is reached by one connection for requests one after the other', async () => {
    const { port, connections } = await server(true);
    const kube = await connected(port, { cluster: TRUSTED });
    for (let round = 0; round < 3; round++) await ask(kube);
    expect(connections()).toBe(1);
  });
});

describe('who asks', () => {
  test('is told by a certificate, in the kubeconfig or in files', async () => {
    const { port, asked } = await server(true);
    const folder = temporaryFolder();
    await put(path.join(folder, 'client.crt'), clientCertificate);
    await put(path.join(folder, 'client.key'), clientKey);
    const data = { 'client-certificate-data': base64(clientCertificate), 'client-key-data': base64(clientKey) };
    await ask(await connected(port, { cluster: TRUSTED, user: data }));
    await ask(
      await connected(port, { cluster: TRUSTED, user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' }, folder }),
    );
    expect(asked.map(({ certificate }) => certificate)).toEqual(['alice', 'alice']);
  });

  test.each([
    { name: 'a token', user: { token: 'secret' }, header: 'Bearer secret' },
    { name: 'a token that YAML takes for a number', user: { token: 123 }, header: 'Bearer 123' },
    { name: 'a password', user: { username: 'alice', password: 'secret' }, header: `Basic ${base64('alice:secret')}` },
    { name: 'nothing', user: {}, header: undefined },
  ])('is told by $name', async ({ user, header }) => {
    const { port, asked } = await server(true);
    await ask(await connected(port, { cluster: TRUSTED, user }));
    expect(asked[0]?.headers.authorization).toBe(header);
  });

  test('is told by a file that holds a token, and that may change meanwhile', async () => {
    const { port, asked } = await server(true);
    const folder = temporaryFolder();
    await put(path.join(folder, 'token'), 'first\n');
    const kube = await connected(port, { cluster: TRUSTED, user: { tokenFile: 'token', token: 'older' }, folder });
    await ask(kube);
    await writeFile(path.join(folder, 'token'), 'second\n');
    await ask(kube);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  test('may be someone else whom one stands for', async () => {
    const { port, asked } = await server(true);
    await ask(await connected(port, { cluster: TRUSTED, user: { token: 'secret', as: 'bob' } }));
    expect(asked[0]?.headers['impersonate-user']).toBe('bob');
  });
});

describe('a program that gives credentials', () => {
  const apiVersion = 'client.authentication.k8s.io/v1';

  /** The entry of a program that gives `status`, and notes each call, with what it was told, in a file. */
  function program(status: object, folder: string) {
    const calls = path.join(folder, 'calls');
    const printed = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
    const args = ['-c', `echo "$KUBERNETES_EXEC_INFO" >>"$CALLS"; sleep 0.05; cat <<'END'\n${printed}\nEND`];
    const exec = { apiVersion, command: 'sh', args, env: [{ name: 'CALLS', value: calls }], provideClusterInfo: true };
    const told = async () =>
      (await readFile(calls, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    return { exec, told };
  }

  test('is asked once, also for requests that come together, and told what it is for', async () => {
    const { port, asked } = await server(true);
    const { exec, told } = program({ token: 'by-program', expirationTimestamp: '2999-01-01T00:00:00Z' }, temporaryFolder());
    const kube = await connected(port, { cluster: TRUSTED, user: { exec } });
    await Promise.all([ask(kube), ask(kube)]);
    await ask(kube);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer by-program'));
    const described = { server: `https://127.0.0.1:${port}`, 'tls-server-name': 'cluster.invalid' };
    expect(await told()).toEqual([
      { apiVersion, kind: 'ExecCredential', spec: { interactive: false, cluster: expect.objectContaining(described) } },
    ]);
  });

  test('is asked again when they have expired', async () => {
    const { port } = await server(true);
    const { exec, told } = program({ token: 'old', expirationTimestamp: '2020-01-01T00:00:00Z' }, temporaryFolder());
    const kube = await connected(port, { cluster: TRUSTED, user: { exec } });
    await ask(kube);
    await ask(kube);
    expect(await told()).toHaveLength(2);
  });

  test('may give a certificate', async () => {
    const { port, asked } = await server(true);
    const { exec } = program({ clientCertificateData: clientCertificate, clientKeyData: clientKey }, temporaryFolder());
    await ask(await connected(port, { cluster: TRUSTED, user: { exec } }));
    expect(asked[0]).toMatchObject({ certificate: 'alice' });
  });

  test.each([
    { name: 'that fails', exec: { command: 'sh', args: ['-c', 'echo log in first >&2; exit 1'] }, details: ['log in first'] },
    { name: 'that is not there', exec: { command: 'nope-login' }, details: ['There is no such program.'] },
    { name: 'that prints something else', exec: { command: 'echo', args: ['secret'] }, details: ['It printed no ExecCredential.'] },
  ])('$name is told, with the way to have it', async ({ exec, details }) => {
    const kube = await connected(1, { cluster: TRUSTED, user: { exec: { apiVersion, installHint: 'Get it there.', ...exec } } });
    await expect(ask(kube)).rejects.toMatchObject({
      message: `${exec.command} gives no credentials`,
      details,
      hint: 'Get it there.',
    });
  });
});

describe('what the client library does', () => {
  test('a token of OpenID Connect that still holds is sent', async () => {
    const { port, asked } = await server(true);
    const token = ['{}', '{"exp":32503680000}'].map((part) => Buffer.from(part).toString('base64url')).join('.');
    const user = { 'auth-provider': { name: 'oidc', config: { 'id-token': `${token}.x`, 'client-id': 'a' } } };
    await ask(await connected(port, { cluster: TRUSTED, user }));
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${token}.x`);
  });

  test('requests go through the proxy that is named', async () => {
    const { port } = await server(true);
    const reached: string[] = [];
    const proxy = http.createServer().on('connect', (request, socket) => {
      reached.push(request.url ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void proxy.close());
    const { port: through } = proxy.address() as AddressInfo;
    const kube = await connected(port, { cluster: { ...TRUSTED, 'proxy-url': `http://127.0.0.1:${through}` } });
    await expect(ask(kube)).rejects.toThrow('the API server does not answer');
    expect(reached).toEqual([`127.0.0.1:${port}`]);
  });

  test('a cluster without TLS works as well', async () => {
    const { port, asked } = await server(false);
    const user = { 'auth-provider': { name: 'gcp', config: { 'access-token': 't' } } };
    await ask(await connected(port, { cluster: { server: `http://127.0.0.1:${port}` }, user }));
    expect(asked[0]?.headers.authorization).toBe('Bearer t');
  });
});

test('an answer that is cut off, or never ends, is none', async () => {
  const made = http.createServer((request, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('half');
    if (request.url === '/cut') setTimeout(() => response.destroy(), 20);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    made.closeAllConnections();
    made.close();
  });
  const kube = await connected(1, { cluster: { server: `http://127.0.0.1:${(made.address() as AddressInfo).port}` } });
  await expect(kube.ask('GET', '/cut', { timeoutMs: 5000 })).rejects.toThrow('the API server does not answer');
  await expect(kube.ask('GET', '/hung', { timeoutMs: 100 })).rejects.toMatchObject({ details: ['it took too long'] });
});
