import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import { messageOf, UsageError } from '../core/errors.js';
import { readIfThere } from '../core/files.js';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** What the user says about which cluster is meant; kubectl's flags of the same names. */
export interface KubeChoice {
  /** A kubeconfig file; default: KUBECONFIG, then ~/.kube/config, then the pod's service account. */
  readonly kubeconfig?: string | undefined;
  /** A context in it; default: its current context. */
  readonly context?: string | undefined;
}

/**
 * Loads the kubeconfig as kubectl does: `KUBECONFIG` may name several files, of which those that are missing are passed over; of
 * two entries with one name the first holds.
 * @throws UsageError that names the file, or the contexts that there are
 */
export async function loadKubeConfig(env: NodeJS.ProcessEnv, { kubeconfig, context }: KubeChoice = {}): Promise<KubeConfig> {
  // Loaded when it is needed: it is large.
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const merged = new Config();
  const files = filesOf(env, kubeconfig);
  let found = false;
  for (const file of files) {
    const text = kubeconfig === undefined ? await readIfThere(file) : await readNamed(file);
    if (text === undefined) continue;
    found = true;
    if (text.trim() === '') continue;
    const one = new Config();
    try {
      // A broken entry that nobody asks for is in nobody's way, as with kubectl.
      one.loadFromString(text, { onInvalidEntry: 'filter' });
    } catch (error) {
      throw new UsageError(`the kubeconfig cannot be read: ${file}`, { details: messageOf(error).split('\n').slice(0, 5) });
    }
    one.makePathsAbsolute(path.dirname(path.resolve(file)));
    merge(merged, one);
  }
  if (!found && (env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && (await readIfThere(SERVICE_ACCOUNT_TOKEN)) !== undefined)
    merged.loadFromCluster();
  else if (!found) throw new UsageError('there is no kubeconfig', { details: files, hint: 'Name one: --kubeconfig PATH, or KUBECONFIG.' });
  choose(merged, context);
  return merged;
}

function filesOf(env: NodeJS.ProcessEnv, named: string | undefined): string[] {
  if (named !== undefined) return [path.resolve(named)];
  const fromEnv = (env['KUBECONFIG'] ?? '').split(path.delimiter).filter((file) => file !== '');
  if (fromEnv.length > 0) return fromEnv.map((file) => path.resolve(file));
  const home = env['HOME'] ?? '';
  return home === '' ? [] : [path.join(home, '.kube', 'config')];
}

async function readNamed(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`the kubeconfig cannot be read: ${file}`, {
      details: [error.code === 'ENOENT' ? 'There is no such file.' : error.message],
    });
  });
}

/** Adds what is not there by name yet. The client's own merge refuses two of one name. */
function merge(into: KubeConfig, from: KubeConfig): void {
  const lacking = <T extends { readonly name: string }>(known: readonly T[], more: readonly T[]): T[] =>
    more.filter(({ name }) => !known.some((one) => one.name === name));
  into.loadFromOptions({
    clusters: [...into.clusters, ...lacking(into.clusters, from.clusters).map(plainHttp)],
    users: [...into.users, ...lacking(into.users, from.users)],
    contexts: [...into.contexts, ...lacking(into.contexts, from.contexts)],
    currentContext: into.currentContext || from.currentContext,
  });
}

/** Behind `kubectl proxy` there is no TLS to verify; the client wants that said. */
function plainHttp(cluster: Cluster): Cluster {
  return cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster;
}

function choose(config: KubeConfig, context: string | undefined): void {
  const names = config.contexts.map(({ name }) => name);
  const known = names.length === 0 ? 'The kubeconfig has no contexts.' : `There are: ${names.join(', ')}`;
  const chosen = context ?? config.currentContext;
  if (!chosen) throw new UsageError('the kubeconfig has no current context', { details: [known], hint: 'Name one: --context NAME' });
  if (!names.includes(chosen)) throw new UsageError(`the kubeconfig has no context ${chosen}`, { details: [known] });
  config.setCurrentContext(chosen);
  if (!config.getCurrentCluster())
    throw new UsageError(`the context ${chosen} names a cluster that the kubeconfig does not have`, {
      details: [`cluster: ${config.getContextObject(chosen)?.cluster ?? ''}`],
    });
}
