/** The client library. Large: it is imported when it is used. */
import type https from 'node:https';
import type { Cluster, Exec, User } from '@kubernetes/client-node';
import type { KubeConfig } from './config.js';
import type { Credentials } from './credentials.js';

/** What the library does for us: credentials of every kind, and commands in pods. */
export interface Library {
  readonly credentials: Credentials;
  readonly exec: Exec;
}

export async function library({ context, namespace, cluster, user: { tokenFile, token, ...user } }: KubeConfig): Promise<Library> {
  const { Exec, KubeConfig: LibraryConfig } = await import('@kubernetes/client-node');
  const config = new LibraryConfig();
  // As it takes the file that holds the token of a pod's service account.
  const byToken = tokenFile === undefined ? { token } : { authProvider: { name: 'tokenFile', config: { tokenFile } } };
  config.loadFromOptions({
    // Where there is no TLS there is nothing to verify; the library wants that said.
    clusters: [{ ...cluster, skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:') } as Cluster],
    users: [{ ...user, ...byToken } as User],
    contexts: [{ name: context, cluster: cluster.name, user: user.name, namespace }],
    currentContext: context,
  });
  // Requests that come together share one answer: the program that gives credentials may open a browser.
  let pending: Promise<https.RequestOptions> | undefined;
  const credentials = async (): Promise<https.RequestOptions> => {
    const options: https.RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return options;
  };
  return {
    exec: new Exec(config),
    credentials: () => {
      pending ??= credentials().finally(() => {
        pending = undefined;
      });
      return pending;
    },
  };
}
