import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { reach } from '../../../../scripts/lib/host/doctor/reach.js';

async function serve(answer: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('an address', () => {
  test.each([
    [200, true],
    [404, true],
    [401, false],
    [403, false],
    [503, false],
  ])('that answers %i is reached: %s', async (status, ok) => {
    const { url } = await serve((_, response) => response.writeHead(status).end());
    expect(await reach(`${url}/list`)).toMatchObject({ ok, seen: expect.stringMatching(new RegExp(`^${status} in `)) });
  });

  test('where nobody listens is not reached', async () => {
    expect(await reach('http://127.0.0.1:1/')).toEqual({ ok: false, seen: 'ECONNREFUSED' });
  });

  test('that never answers is given up', async () => {
    const { url } = await serve(() => undefined);
    expect(await reach(url, { patienceMs: 100 })).toEqual({ ok: false, seen: 'no answer in 0.1 s' });
  });

  test('is asked for through a proxy, with its name and password', async () => {
    const asked: Array<[string | undefined, string | undefined]> = [];
    const { url } = await serve((request, response) => {
      asked.push([request.url, request.headers['proxy-authorization']]);
      response.writeHead(200).end();
    });
    expect((await reach('http://mirror.example/debian/', { proxy: url.replace('http://', 'http://me:secret@') })).ok).toBe(true);
    expect(asked).toEqual([['http://mirror.example/debian/', `Basic ${Buffer.from('me:secret').toString('base64')}`]]);
  });

  test('over TLS is asked for by a tunnel, which a proxy may refuse', async () => {
    const targets: Array<string | undefined> = [];
    const { server, url } = await serve((_, response) => response.writeHead(200).end());
    server.on('connect', (request, socket) => {
      targets.push(request.url);
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    });
    expect(await reach('https://proxy.example/', { proxy: url })).toMatchObject({ ok: false, seen: expect.stringMatching(/^407 in /) });
    expect(targets).toEqual(['proxy.example:443']);
  });

  test('behind a tunnel whose end speaks no TLS is not reached', async () => {
    const { server, url } = await serve(() => undefined);
    server.on('connect', (_, socket) => socket.resume().end('HTTP/1.1 200 OK\r\n\r\nhello'));
    expect((await reach('https://proxy.example/', { proxy: url })).ok).toBe(false);
  });
});
