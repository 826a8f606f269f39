import http from 'node:http';
import net from 'node:net';
import { messageOf } from '../lib/core/errors.js';

/** An HTTP proxy that runs in this process. */
export interface BoxProxy {
  readonly port: number;
  /** What went through it: `CONNECT host:443`, `GET http://host/path`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

/** Headers that belong to one connection and are not handed on (RFC 9110, 7.6.1). */
const HOP_BY_HOP = ['connection', 'proxy-connection', 'keep-alive', 'proxy-authorization', 'te', 'trailer', 'upgrade'];

/**
 * Starts a proxy as machines behind a firewall have one: plain requests with an absolute URL (RFC 9112, 3.2.2), tunnels for the rest
 * (RFC 9110, 9.3.6).
 * @param host address to listen on
 */
export async function startProxy(host: string): Promise<BoxProxy> {
  const requests: string[] = [];
  const open = new Set<net.Socket>();
  const track = (socket: net.Socket): void => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  };
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handOn(request, response);
  });
  server.on('connect', (request, client: net.Socket, head) => {
    requests.push(`CONNECT ${request.url}`);
    track(tunnel(request.url ?? '', client, head));
  });
  server.on('connection', track);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as net.AddressInfo;
  return {
    port,
    requests,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Hands a plain request on, and its answer back. */
function handOn(request: http.IncomingMessage, response: http.ServerResponse): void {
  const url = parseUrl(request.url ?? '');
  if (url === undefined) {
    response.writeHead(400).end('this is a proxy: the request needs an absolute http URL\n');
    return;
  }
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.includes(name)));
  const onward = http.request(url, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on('error', (error) => {
    if (!response.headersSent) response.writeHead(502);
    response.end(`${messageOf(error)}\n`);
  });
  // A client that has gone wants no more of it.
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Opens a tunnel for a client. @param target `host:port` @returns its other end */
function tunnel(target: string, client: net.Socket, head: Buffer): net.Socket {
  const { hostname, port } = new URL(`http://${target}`);
  const onward = net.connect(Number(port || 80), hostname.replace(/^\[(.*)\]$/, '$1'), () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    onward.write(head);
    onward.pipe(client).pipe(onward);
  });
  // What has come for the client is still on its way to it.
  onward.on('close', () => client.end());
  onward.on('error', (error) => {
    if (onward.bytesRead === 0) client.end(`HTTP/1.1 502 Bad Gateway\r\n\r\n${messageOf(error)}\n`);
    // It has said all, and hears no more: what the client goes on saying is an error then, and no reason to cut off what it was sent.
    else if (!onward.readableEnded) client.destroy();
  });
  client.on('error', () => onward.destroy());
  client.on('close', () => onward.destroy());
  return onward;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) && text.startsWith('http://') ? new URL(text) : undefined;
}
