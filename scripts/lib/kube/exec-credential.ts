import { execFile } from 'node:child_process';
import * as z from 'zod';
import { messageOf, ToolkitError, tail } from '../core/errors.js';
import type { Cluster } from './config-file.js';

const text = z.string().nullish();

/** The entry `exec` of a user of a kubeconfig. */
const pluginSchema = z.object({
  apiVersion: z.string(),
  command: z.string().min(1),
  args: z.array(z.coerce.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.coerce.string() })).nullish(),
  installHint: text,
  provideClusterInfo: z.boolean().nullish(),
});

/** What the program prints. */
const credentialSchema = z.object({
  status: z.object({ token: text, clientCertificateData: text, clientKeyData: text, expirationTimestamp: text }),
});

/** Credentials that a program gave. */
export interface ExecCredential {
  readonly token: string | undefined;
  /** PEM, like the key. */
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Milliseconds since the epoch; infinite where they hold for as long as this runs. */
  readonly expires: number;
}

/**
 * Runs a program that gives credentials, as cloud providers have one
 * (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins). It is not given the
 * terminal: what it asks there would never be answered.
 * @param exec the entry of the kubeconfig
 * @throws ToolkitError with what the program said
 */
export async function execCredential(exec: unknown, cluster: Cluster, env: NodeJS.ProcessEnv): Promise<ExecCredential> {
  const plugin = pluginSchema.safeParse(exec);
  if (!plugin.success)
    throw new ToolkitError('the kubeconfig does not say how credentials are had', { details: z.prettifyError(plugin.error).split('\n') });
  const { apiVersion, command, args, env: own, installHint, provideClusterInfo } = plugin.data;
  const info = {
    apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(provideClusterInfo ? { cluster: described(cluster) } : {}) },
  };
  const added = Object.fromEntries((own ?? []).map(({ name, value }) => [name, value]));
  try {
    return read(await run(command, args ?? [], { ...env, ...added, KUBERNETES_EXEC_INFO: JSON.stringify(info) }));
  } catch (error) {
    throw new ToolkitError(`${command} gives no credentials`, {
      details: tail(messageOf(error)),
      hint: installHint ?? undefined,
      cause: error,
    });
  }
}

function described({ server, tlsServerName, skipTLSVerify, caData, proxyUrl }: Cluster): object {
  return {
    server,
    'tls-server-name': tlsServerName,
    'insecure-skip-tls-verify': skipTLSVerify || undefined,
    'certificate-authority-data': caData,
    'proxy-url': proxyUrl,
  };
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { env, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(new Error(error.code === 'ENOENT' ? 'There is no such program.' : stderr || `It ended with ${error.code ?? error.signal}.`));
    });
    child.stdin?.end();
  });
}

function read(printed: string): ExecCredential {
  const parsed = credentialSchema.safeParse(jsonOr(printed));
  // What it printed may be a secret: it is not told.
  if (!parsed.success) throw new Error('It printed no ExecCredential.');
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = parsed.data.status;
  return {
    token: token ?? undefined,
    certificate: clientCertificateData ?? undefined,
    key: clientKeyData ?? undefined,
    expires: expirationTimestamp ? Date.parse(expirationTimestamp) : Number.POSITIVE_INFINITY,
  };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
