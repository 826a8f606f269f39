import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** Who may push, and how they show it. */
export type Login =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly user: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string };

export interface TestRegistry {
  /** `localhost:PORT` */
  readonly host: string;
  /** Requests, as `PUT /v2/…`, without queries. */
  readonly asked: string[];
  /** Blobs that were pushed: their size by digest. */
  readonly blobs: Map<string, number>;
  /** Manifests by `REPOSITORY:TAG`. */
  readonly manifests: Map<string, { readonly type: string; readonly text: string }>;
}

const TOKEN = 'a-token-of-the-test';

/**
 * A registry of images on this machine, which keeps to the distribution specification: it takes a blob only when it has the digest and
 * the size that it was announced with, and a manifest only when all that it names is there.
 * @param login who may push; everybody by default
 * @param full no blob is taken
 */
export async function testRegistry({ login, full = false }: { login?: Login; full?: boolean } = {}): Promise<TestRegistry> {
  const asked: string[] = [];
  const blobs = new Map<string, number>();
  const manifests: TestRegistry['manifests'] = new Map();
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const refuse = (response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void => {
    response.writeHead(status, headers).end(JSON.stringify({ errors: [{ code, message: `a ${code} of the test` }] }));
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    asked.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/token') return giveToken(request, url, response);
    if (login !== undefined && request.headers.authorization !== expected()) return refuse(response, 401, 'UNAUTHORIZED', challenge(url));
    if (url.pathname === '/v2/') return void response.writeHead(200).end('{}');
    const blob = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname);
    if (request.method === 'HEAD' && blob !== null) return void response.writeHead(blobs.has(blob[2] ?? '') ? 200 : 404).end();
    if (request.method === 'POST' && url.pathname.endsWith('/blobs/uploads/')) {
      if (full) return refuse(response, 507, 'TOOBIG');
      return void response.writeHead(202, { location: `${url.pathname}one?state=kept` }).end();
    }
    if (request.method === 'PUT' && url.pathname.endsWith('/uploads/one')) return takeBlob(request, url, response);
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname);
    if (request.method === 'PUT' && manifest !== null) return takeManifest(request, `${manifest[1]}:${manifest[2]}`, response);
    refuse(response, 404, 'NOT_FOUND');
  }

  function expected(): string | undefined {
    return login?.kind === 'basic' ? basic(login) : `Bearer ${TOKEN}`;
  }

  function challenge({ origin }: URL): Record<string, string> {
    return { 'www-authenticate': login?.kind === 'basic' ? 'Basic realm="test"' : `Bearer realm="${origin}/token",service="the test"` };
  }

  async function giveToken(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const form = new URLSearchParams(request.method === 'POST' ? await textOf(request) : url.search);
    const known =
      login?.kind === 'token'
        ? request.headers.authorization === basic(login)
        : login?.kind === 'identity-token' && form.get('refresh_token') === login.token && form.get('grant_type') === 'refresh_token';
    if (!known || form.get('service') !== 'the test' || !/^repository:.+:pull,push$/.test(form.get('scope') ?? ''))
      return refuse(response, 401, 'DENIED');
    response.writeHead(200).end(JSON.stringify(login?.kind === 'token' ? { token: TOKEN } : { access_token: TOKEN }));
  }

  async function takeBlob(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of request as AsyncIterable<Buffer>) {
      hash.update(piece);
      size += piece.length;
    }
    const digest = `sha256:${hash.digest('hex')}`;
    if (url.searchParams.get('state') !== 'kept') return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN');
    if (url.searchParams.get('digest') !== digest) return refuse(response, 400, 'DIGEST_INVALID');
    if (request.headers['content-length'] !== String(size)) return refuse(response, 400, 'SIZE_INVALID');
    blobs.set(digest, size);
    response.writeHead(201).end();
  }

  async function takeManifest(request: IncomingMessage, name: string, response: ServerResponse): Promise<void> {
    const text = await textOf(request);
    const { config, layers } = JSON.parse(text) as { config: Descriptor; layers: Descriptor[] };
    if ([config, ...layers].some(({ digest, size }) => blobs.get(digest) !== size)) return refuse(response, 400, 'MANIFEST_BLOB_UNKNOWN');
    manifests.set(name, { type: request.headers['content-type'] ?? '', text });
    response.writeHead(201, { 'docker-content-digest': `sha256:${createHash('sha256').update(text).digest('hex')}` }).end();
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked, blobs, manifests };
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

const basic = ({ user, password }: { user: string; password: string }): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8') as AsyncIterable<string>) text += piece;
  return text;
}
