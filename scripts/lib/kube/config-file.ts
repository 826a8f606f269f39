import path from 'node:path';
import * as z from 'zod';

/** A cluster of a kubeconfig. Data is base64, files are absolute paths; the names are those of the client library. */
export interface Cluster {
  readonly name: string;
  /** Without a slash at its end. */
  readonly server: string;
  readonly caFile?: string | undefined;
  readonly caData?: string | undefined;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
  readonly skipTLSVerify: boolean;
}

/** A user of a kubeconfig, likewise. */
export interface User {
  readonly name: string;
  readonly certFile?: string | undefined;
  readonly certData?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly keyData?: string | undefined;
  readonly token?: string | undefined;
  /** Holds the token; it may be written anew while this runs. */
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly impersonateUser?: string | undefined;
  /** A program that gives credentials, and a helper of an older kind: as they stand in the file. */
  readonly exec?: unknown;
  readonly authProvider?: unknown;
}

/** A context of a kubeconfig. */
export interface ContextEntry {
  readonly name: string;
  readonly cluster: string;
  readonly user: string | undefined;
  readonly namespace: string | undefined;
}

/** The entries of one kubeconfig file. */
export interface ConfigFile {
  readonly clusters: readonly Cluster[];
  readonly users: readonly User[];
  readonly contexts: readonly ContextEntry[];
  readonly currentContext: string | undefined;
}

/** YAML takes a bare 123 for a number; names, tokens and passwords are texts all the same. */
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const optional = text.nullish().transform((value) => value || undefined);
const needed = text.refine((value) => value !== '');

const clusterSchema = z.object({
  name: needed,
  cluster: z.object({
    server: needed,
    'certificate-authority': optional,
    'certificate-authority-data': optional,
    'insecure-skip-tls-verify': z.unknown().optional(),
    'tls-server-name': optional,
    'proxy-url': optional,
  }),
});

const userSchema = z.object({
  name: needed,
  user: z
    .object({
      'client-certificate': optional,
      'client-certificate-data': optional,
      'client-key': optional,
      'client-key-data': optional,
      token: optional,
      tokenFile: optional,
      username: optional,
      password: optional,
      as: optional,
      exec: z.unknown().optional(),
      'auth-provider': z.unknown().optional(),
    })
    .nullish(),
});

const contextSchema = z.object({ name: needed, context: z.object({ cluster: needed, user: optional, namespace: optional }) });

const entries = z.array(z.unknown()).nullish().catch(undefined);
const fileSchema = z.object({ clusters: entries, users: entries, contexts: entries, 'current-context': optional });

/**
 * Reads the content of a kubeconfig file (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/). A broken entry that
 * nobody asks for is in nobody's way, as with kubectl.
 * @param folder that of the file, to which its relative paths relate
 * @throws ZodError when it is none
 */
export function readConfigFile(value: unknown, folder: string): ConfigFile {
  const file = fileSchema.parse(value);
  const absolute = (relative: string | undefined): string | undefined => relative && path.resolve(folder, relative);
  return {
    clusters: sound(file.clusters, clusterSchema).map(({ name, cluster }) => ({
      name,
      server: cluster.server.replace(/\/$/, ''),
      caFile: absolute(cluster['certificate-authority']),
      caData: cluster['certificate-authority-data'],
      tlsServerName: cluster['tls-server-name'],
      proxyUrl: cluster['proxy-url'],
      skipTLSVerify: cluster['insecure-skip-tls-verify'] === true,
    })),
    users: sound(file.users, userSchema).map(({ name, user }) => ({
      name,
      certFile: absolute(user?.['client-certificate']),
      certData: user?.['client-certificate-data'],
      keyFile: absolute(user?.['client-key']),
      keyData: user?.['client-key-data'],
      token: user?.token,
      tokenFile: absolute(user?.tokenFile),
      username: user?.username,
      password: user?.password,
      impersonateUser: user?.as,
      exec: user?.exec ?? undefined,
      authProvider: user?.['auth-provider'] ?? undefined,
    })),
    contexts: sound(file.contexts, contextSchema).map(({ name, context }) => ({ name, ...context })),
    currentContext: file['current-context'],
  };
}

function sound<T>(list: readonly unknown[] | null | undefined, schema: z.ZodType<T>): T[] {
  return (list ?? []).flatMap((entry) => {
    const parsed = schema.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
}
