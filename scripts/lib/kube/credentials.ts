import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { KubeConfig } from './config.js';
import type { Cluster } from './config-file.js';
import { type ExecCredential, execCredential } from './exec-credential.js';
import type { Credentials } from './request.js';

/** Idle connections are given up after this long, milliseconds: before whatever lies on the way forgets them. */
const IDLE_MS = 30_000;

/** The credentials of a kubeconfig. What is rare is left to the client library, which takes a while to load. */
export function credentialsOf(config: KubeConfig, env: NodeJS.ProcessEnv): Credentials {
  const { cluster, user } = config;
  if (user.authProvider !== undefined || cluster.proxyUrl !== undefined) return byLibrary(config);
  return user.exec === undefined ? plain(config) : byProgram(config, env);
}

/** Certificates, tokens and passwords as they stand in the kubeconfig. */
function plain({ cluster, user }: KubeConfig): Credentials {
  let agent: Promise<http.Agent> | undefined;
  return async () => {
    agent ??= Promise.all([bytesOf(user.certData, user.certFile), bytesOf(user.keyData, user.keyFile)]).then(([cert, key]) =>
      connection(cluster, cert, key),
    );
    const token = user.tokenFile === undefined ? user.token : (await readFile(user.tokenFile, 'utf8')).trim();
    const basic = user.username === undefined ? undefined : Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    const authorization = token === undefined ? basic && `Basic ${basic}` : `Bearer ${token}`;
    return { agent: await agent, headers: headersOf(authorization, user.impersonateUser) };
  };
}

/** What a program gives, which is asked again when that has expired; once for requests that come together, for it may ask a person. */
function byProgram({ cluster, user }: KubeConfig, env: NodeJS.ProcessEnv): Credentials {
  type Given = ExecCredential & { readonly agent: http.Agent };
  const ask = async (): Promise<Given> => {
    const credential = await execCredential(user.exec, cluster, env);
    return { ...credential, agent: await connection(cluster, credential.certificate, credential.key) };
  };
  let given: Given | undefined;
  let asking: Promise<Given> | undefined;
  return async () => {
    if (given === undefined || given.expires <= Date.now()) {
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      given = await asking;
    }
    const { token, agent } = given;
    return { agent, headers: headersOf(token === undefined ? undefined : `Bearer ${token}`, user.impersonateUser) };
  };
}

/** OpenID Connect and other helpers of an older kind; proxies. */
function byLibrary(config: KubeConfig): Credentials {
  let loaded: Promise<Credentials> | undefined;
  return async () => {
    loaded ??= import('./library.js').then(({ libraryCredentials }) => libraryCredentials(config));
    return (await loaded)();
  };
}

/** A connection that serves requests that come one after the other. */
async function connection(cluster: Cluster, cert?: Buffer | string, key?: Buffer | string): Promise<http.Agent> {
  const kept = { keepAlive: true, timeout: IDLE_MS };
  if (cluster.server.startsWith('http:')) return new http.Agent(kept);
  const ca = await bytesOf(cluster.caData, cluster.caFile);
  return new https.Agent({
    ...kept,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(cluster.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
    // Else NODE_TLS_REJECT_UNAUTHORIZED holds.
    ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
  });
}

function headersOf(authorization: string | undefined, impersonated: string | undefined): http.OutgoingHttpHeaders {
  return {
    ...(authorization === undefined ? {} : { authorization }),
    ...(impersonated === undefined ? {} : { 'impersonate-user': impersonated }),
  };
}

/** What stands in the kubeconfig itself, which holds where both are there; or what is in the file. */
async function bytesOf(data: string | undefined, file: string | undefined): Promise<Buffer | undefined> {
  if (data !== undefined) return Buffer.from(data, 'base64');
  return file === undefined ? undefined : readFile(file);
}
