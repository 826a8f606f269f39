import { isIPv6 } from 'node:net';
import path from 'node:path';
import { CORE_SCHEMA, load } from 'js-yaml';
import { messageOf, UsageError } from '../core/errors.js';
import { readIfThere } from '../core/files.js';
import { type Cluster, type ConfigFile, type ContextEntry, readConfigFile, type User } from './config-file.js';

/** Where a pod finds what its service account needs. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What the user says about which cluster is meant; kubectl's flags of the same names. */
export interface KubeChoice {
  /** A kubeconfig file; default: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly kubeconfig?: string | undefined;
  /** A context in it; default: its current context. */
  readonly context?: string | undefined;
}

/** A cluster, and as whom it is asked. */
export interface KubeConfig {
  /** Name of the context. */
  readonly context: string;
  /** Namespace of the context. */
  readonly namespace: string;
  readonly cluster: Cluster;
  /** Without credentials where the context names no user that there is. */
  readonly user: User;
}

/**
 * Loads the kubeconfig as kubectl does: `KUBECONFIG` may name several files, of which those that are missing are passed over; of
 * two entries with one name the first holds.
 * @throws UsageError that names the file, or the contexts that there are
 */
export async function loadKubeConfig(env: NodeJS.ProcessEnv, { kubeconfig, context }: KubeChoice = {}): Promise<KubeConfig> {
  const files = filesOf(env, kubeconfig);
  const read: ConfigFile[] = [];
  for (const file of files) {
    const text = kubeconfig === undefined ? await readIfThere(file) : await readNamed(file);
    if (text !== undefined) read.push(parse(file, text));
  }
  if (read.length > 0) return choose(read, context);
  const inPod = await serviceAccount(env);
  if (inPod === undefined)
    throw new UsageError('there is no kubeconfig', { details: files, hint: 'Name one: --kubeconfig PATH, or KUBECONFIG.' });
  return choose([inPod], context);
}

function filesOf(env: NodeJS.ProcessEnv, named: string | undefined): string[] {
  if (named !== undefined) return [path.resolve(named)];
  const fromEnv = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (fromEnv.length > 0) return fromEnv.map((file) => path.resolve(file));
  const home = env['HOME'] ?? '';
  return home === '' ? [] : [path.join(home, '.kube', 'config')];
}

async function readNamed(file: string): Promise<string> {
  const text = await readIfThere(file).catch((error: Error) => {
    throw new UsageError(`the kubeconfig cannot be read: ${file}`, { details: [error.message] });
  });
  if (text === undefined) throw new UsageError(`the kubeconfig cannot be read: ${file}`, { details: ['There is no such file.'] });
  return text;
}

function parse(file: string, text: string): ConfigFile {
  try {
    return readConfigFile(load(text, { schema: CORE_SCHEMA }) ?? {}, path.dirname(file));
  } catch (error) {
    throw new UsageError(`the kubeconfig cannot be read: ${file}`, { details: messageOf(error).split('\n').slice(0, 5) });
  }
}

/** How a pod reaches its cluster; undefined outside of pods. */
async function serviceAccount(env: NodeJS.ProcessEnv): Promise<ConfigFile | undefined> {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  const tokenFile = path.join(SERVICE_ACCOUNT, 'token');
  if (host === '' || (await readIfThere(tokenFile)) === undefined) return undefined;
  const scheme = ['80', '8080', '8001'].includes(port) ? 'http' : 'https';
  const name = 'in-cluster';
  const namespace = await readIfThere(path.join(SERVICE_ACCOUNT, 'namespace'));
  return {
    clusters: [
      {
        name,
        server: `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`,
        caFile: path.join(SERVICE_ACCOUNT, 'ca.crt'),
        skipTLSVerify: false,
      },
    ],
    users: [{ name, tokenFile }],
    contexts: [{ name, cluster: name, user: name, namespace: namespace?.trim() }],
    currentContext: name,
  };
}

function choose(files: readonly ConfigFile[], wanted: string | undefined): KubeConfig {
  const contexts = new Map<string, ContextEntry>();
  for (const entry of files.flatMap((file) => file.contexts)) if (!contexts.has(entry.name)) contexts.set(entry.name, entry);
  const known = contexts.size === 0 ? 'The kubeconfig has no contexts.' : `There are: ${[...contexts.keys()].join(', ')}`;
  const name = wanted ?? files.map(({ currentContext }) => currentContext).find(Boolean);
  if (!name) throw new UsageError('the kubeconfig has no current context', { details: [known], hint: 'Name one: --context NAME' });
  const chosen = contexts.get(name);
  if (chosen === undefined) throw new UsageError(`the kubeconfig has no context ${name}`, { details: [known] });
  const cluster = files.flatMap(({ clusters }) => clusters).find((one) => one.name === chosen.cluster);
  if (cluster === undefined)
    throw new UsageError(`the context ${name} names a cluster that the kubeconfig does not have`, {
      details: [`cluster: ${chosen.cluster}`],
    });
  const user = files.flatMap(({ users }) => users).find((one) => one.name === chosen.user) ?? { name: '' };
  return { context: name, namespace: chosen.namespace || 'default', cluster, user };
}
