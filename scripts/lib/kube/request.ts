import http from 'node:http';
import https from 'node:https';
import type { HttpAnswer } from '../cluster/kubelet.js';

/** A request over HTTP. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Milliseconds after which it is given up. */
  readonly timeoutMs: number;
}

/** What goes with each request: its connection, and the headers that say who asks. */
export type Credentials = () => Promise<https.RequestOptions>;

/** What {@link sendRequest} throws when the time is up. */
export class DeadlineError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1000} s`);
    this.name = 'DeadlineError';
  }
}

/**
 * Sends a request, and reads the whole answer.
 * @param options credentials and connection: what https.request takes
 * @throws the error of the network or of TLS; DeadlineError
 */
export function sendRequest({ method, url, headers, body, timeoutMs }: HttpRequest, options: https.RequestOptions): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = (url.protocol === 'http:' ? http : https).request(
      url,
      { ...options, method, headers: { ...headers, ...length, ...options.headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
        response.on('close', () => clearTimeout(timer));
      },
    );
    // The promise is rejected first: what the request says of its end matters no more.
    const timer = setTimeout(() => {
      reject(new DeadlineError(timeoutMs));
      request.destroy();
    }, timeoutMs);
    request.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    request.end(body);
  });
}
