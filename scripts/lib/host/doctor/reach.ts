import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** What came of trying an address. */
export interface Reached {
  /** True when something there answers, whatever it says. */
  readonly ok: boolean;
  /** `200 in 0.1 s`, `ECONNREFUSED`, … */
  readonly seen: string;
}

/** How long an address may take to answer, milliseconds. */
const PATIENCE_MS = 5000;

/** The system's list of certificate authorities on Debian and Ubuntu, of package ca-certificates: that of Go, apt, curl and git. */
export const SYSTEM_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

export interface How {
  /** `http://[NAME:PASSWORD@]HOST:PORT`; only plain HTTP to the proxy is known. */
  readonly proxy?: string | undefined;
  /** File with the certificate authorities to believe; Node's own list where there is none. */
  readonly authorities?: string | undefined;
  /** Milliseconds. */
  readonly patienceMs?: number;
}

/**
 * Tries an address with a HEAD request, through a proxy where one is given. Answers that refuse the caller (401, 403, 407) and
 * those of a broken gateway (502 to 504) do not count as reached.
 */
export async function reach(url: string, { proxy, authorities, patienceMs = PATIENCE_MS }: How = {}): Promise<Reached> {
  const start = performance.now();
  try {
    const ca = authorities === undefined ? undefined : await readFile(authorities, 'utf8').catch(() => undefined);
    const secure: ConnectionOptions = ca === undefined ? {} : { ca };
    const by = proxy === undefined ? undefined : proxyAddress(proxy);
    const status = await head(new URL(url), by, secure, AbortSignal.timeout(patienceMs));
    const refused = [401, 403, 407, 502, 503, 504].includes(status);
    return { ok: !refused, seen: `${status} in ${((performance.now() - start) / 1000).toFixed(1)} s` };
  } catch (error) {
    return { ok: false, seen: reason(error, patienceMs) };
  }
}

function proxyAddress(proxy: string): URL {
  return new URL(/^\w+:\/\//.test(proxy) ? proxy : `http://${proxy}`);
}

async function head(url: URL, proxy: URL | undefined, trusted: ConnectionOptions, signal: AbortSignal): Promise<number> {
  const method = 'HEAD';
  if (proxy === undefined && url.protocol === 'https:') return statusOf(httpsRequest(url, { method, signal, ...trusted }));
  if (proxy === undefined) return statusOf(httpRequest(url, { method, signal }));
  const common: RequestOptions = {
    host: proxy.hostname,
    port: proxy.port || 80,
    signal,
    headers: { host: url.host, ...authorization(proxy) },
  };
  if (url.protocol === 'http:') return statusOf(httpRequest({ ...common, method, path: url.href }));
  const target = `${url.hostname}:${url.port || 443}`;
  const socket = await tunnel(httpRequest({ ...common, method: 'CONNECT', path: target }));
  if (typeof socket === 'number') return socket;
  // The certificate is looked at as the programs of the set-up look at it: a proxy that reads along is noticed here.
  const secure = connectTls({ ...trusted, socket, servername: url.hostname });
  try {
    return await statusOf(httpRequest(url.href.replace(/^https:/, 'http:'), { method, signal, createConnection: () => secure }));
  } finally {
    secure.destroy();
  }
}

function authorization({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

type Request = ReturnType<typeof httpRequest>;

function statusOf(request: Request): Promise<number> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      response.resume();
      request.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.end();
  });
}

/** The tunnel that a proxy opens, or the status with which it refuses. */
function tunnel(request: Request): Promise<Socket | number> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => resolve(response.statusCode ?? 0));
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) resolve(socket as Socket);
      else {
        socket.destroy();
        resolve(response.statusCode ?? 0);
      }
    });
    request.end();
  });
}

function reason(error: unknown, patienceMs: number): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError' || name === 'TimeoutError' || code === 'ABORT_ERR') return `no answer in ${patienceMs / 1000} s`;
  // Several addresses of one name were tried: the errors are in a list, and the text is empty.
  return code ?? (message || String(error));
}
