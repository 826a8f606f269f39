import type https from 'node:https';
import type { Cluster, User } from '@kubernetes/client-node';
import type { KubeConfig } from './config.js';
import type { Credentials } from './request.js';

/** Credentials as the client library has them. It is large: this takes a while the first time. */
export async function libraryCredentials({ context, namespace, cluster, user }: KubeConfig): Promise<Credentials> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const { tokenFile, token, ...rest } = user;
  // As it takes the file that holds the token of a pod's service account.
  const byToken = tokenFile === undefined ? { token } : { authProvider: { name: 'tokenFile', config: { tokenFile } } };
  const config = new Config();
  config.loadFromOptions({
    // Where there is no TLS there is nothing to verify; the library wants that said.
    clusters: [{ ...cluster, skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:') } as Cluster],
    users: [{ ...rest, ...byToken } as User],
    contexts: [{ name: context, cluster: cluster.name, user: user.name, namespace }],
    currentContext: context,
  });
  const ask = async (): Promise<https.RequestOptions> => {
    const options: https.RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return options;
  };
  // Once for requests that come together: a token is refreshed once only.
  let pending: Promise<https.RequestOptions> | undefined;
  return () => {
    pending ??= ask().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
