import http from 'node:http';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type BoxProxy, startProxy } from '../../../scripts/boxes/proxy.js';
import { webServer } from '../../support/web-server.js';

async function proxyHere(): Promise<BoxProxy> {
  const proxy = await startProxy('127.0.0.1');
  onTestFinished(() => proxy.close());
  return proxy;
}

function get(proxy: BoxProxy, url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: proxy.port, path: url, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    request.on('error', reject);
    request.end();
  });
}

test('a plain request goes through the proxy, and is told', async () => {
  const server = await webServer({ '/list': new TextEncoder().encode('a list') });
  const proxy = await proxyHere();
  const url = server.url('/list');
  expect(await get(proxy, url)).toEqual({ status: 200, body: 'a list' });
  expect(proxy.requests).toEqual([`GET ${url}`]);
});

test('a tunnel carries bytes both ways', async () => {
  const echo = net.createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => {
    echo.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void echo.close());
  const { port } = echo.address() as net.AddressInfo;
  const proxy = await proxyHere();
  const received = await new Promise<string>((resolve, reject) => {
    const socket = net.connect(proxy.port, '127.0.0.1', () => socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\n\r\n`));
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      if (text === '') socket.write('ping');
      text += chunk.toString();
      if (text.endsWith('ping')) socket.end(() => resolve(text));
    });
    socket.on('error', reject);
  });
  expect(received).toBe('HTTP/1.1 200 Connection established\r\n\r\nping');
  expect(proxy.requests).toEqual([`CONNECT 127.0.0.1:${port}`]);
});

test('a tunnel brings all of it to a client that reads slowly', async () => {
  const size = 8 * 1024 * 1024;
  const server = net.createServer((socket) => socket.on('error', () => undefined).end(Buffer.alloc(size)));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  const proxy = await proxyHere();
  const received = await new Promise<number>((resolve, reject) => {
    const socket = net.connect(proxy.port, '127.0.0.1', () => socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: a\r\n\r\n`));
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // It goes on talking, as TLS does at its end.
      socket.write('x');
      socket.pause();
      setTimeout(() => socket.resume(), 2);
    });
    socket.on('end', () => resolve(bytes));
    socket.on('error', reject);
  });
  expect(received).toBe(size + 'HTTP/1.1 200 Connection established\r\n\r\n'.length);
});

test('a server that does not answer is a bad gateway, and the proxy goes on', async () => {
  const server = await webServer({ '/list': new TextEncoder().encode('a list') });
  const proxy = await proxyHere();
  // Port 1 of the loopback: nothing listens there.
  expect((await get(proxy, 'http://127.0.0.1:1/')).status).toBe(502);
  expect((await get(proxy, server.url('/list'))).status).toBe(200);
});

test('a request to the proxy itself is refused', async () => {
  expect((await get(await proxyHere(), '/list')).status).toBe(400);
});
