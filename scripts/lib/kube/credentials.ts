import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { KubeConfig } from './config.js';

/** Idle connections are given up after this long, milliseconds: longer than between two requests, shorter than what stands in between forgets them. */
const IDLE_MS = 30_000;

/** What goes with each request: its connection, and the headers that say who asks. */
export type Credentials = () => Promise<https.RequestOptions>;

/**
 * True when certificates, tokens and passwords as they stand in the kubeconfig are all that is needed. Programs that give
 * credentials, OpenID Connect and proxies are left to the client library, which takes a while to load.
 */
export function arePlain({ cluster, user }: KubeConfig): boolean {
  return user.exec === undefined && user.authProvider === undefined && cluster.proxyUrl === undefined;
}

/** Certificates, tokens and passwords. One connection serves requests that come one after the other. */
export function plainCredentials({ cluster, user }: KubeConfig): Credentials {
  let agent: Promise<http.Agent> | undefined;
  const connection = async (): Promise<http.Agent> => {
    const kept = { keepAlive: true, timeout: IDLE_MS };
    if (cluster.server.startsWith('http:')) return new http.Agent(kept);
    const [ca, cert, key] = await Promise.all([
      bytesOf(cluster.caData, cluster.caFile),
      bytesOf(user.certData, user.certFile),
      bytesOf(user.keyData, user.keyFile),
    ]);
    return new https.Agent({
      ...kept,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
      // Else NODE_TLS_REJECT_UNAUTHORIZED holds.
      ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
    });
  };
  return async () => {
    agent ??= connection();
    const token = user.tokenFile === undefined ? user.token : (await readFile(user.tokenFile, 'utf8')).trim();
    const basic = user.username === undefined ? undefined : Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    const authorization = token === undefined ? basic && `Basic ${basic}` : `Bearer ${token}`;
    return {
      agent: await agent,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(user.impersonateUser === undefined ? {} : { 'impersonate-user': user.impersonateUser }),
      },
    };
  };
}

/** What is in the file, or what stands in the kubeconfig itself, which holds where both are there. */
async function bytesOf(data: string | undefined, file: string | undefined): Promise<Buffer | undefined> {
  if (data !== undefined) return Buffer.from(data, 'base64');
  return file === undefined ? undefined : readFile(file);
}
