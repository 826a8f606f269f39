import type { Exec, KubeConfig as LibraryConfig } from '@kubernetes/client-node';
import * as z from 'zod';
import { messageOf, ToolkitError } from '../core/errors.js';
import { type KubeChoice, type KubeConfig, loadKubeConfig } from './config.js';
import { type CoreApi, coreApi, type Send } from './core.js';
import { credentialsOf } from './credentials.js';
import { type Credentials, DeadlineError, sendRequest } from './request.js';

/** A cluster, reached with a kubeconfig. */
export interface Kube {
  /** Name of the kubeconfig context. */
  readonly context: string;
  /** Address of the API server. */
  readonly server: string;
  /** Namespace of the context. */
  readonly namespace: string;
  readonly core: CoreApi;
  /** Requests any route. @throws ToolkitError when there is no answer at all */
  readonly ask: Send;
  /** What runs commands in pods; loaded when it is called for the first time. */
  exec(): Promise<Pick<Exec, 'exec' | 'handler'>>;
}

/** Connects to the cluster that the user chose. @throws UsageError when the kubeconfig does not say which */
export async function connect(env: NodeJS.ProcessEnv, choice: KubeChoice): Promise<Kube> {
  const config = await loadKubeConfig(env, choice);
  const { context, namespace } = config;
  const { server } = config.cluster;
  const credentials = credentialsOf(config, env);
  const ask: Send = (method, route, { query = {}, body, timeoutMs }) =>
    withReasons(server, async () => {
      const url = new URL(server + route);
      url.search = new URLSearchParams(query).toString();
      const headers = {
        accept: 'application/json, */*;q=0.8',
        ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }),
      };
      const request = { method, url, headers, body: body && JSON.stringify(body), timeoutMs };
      return sendRequest(request, await credentials());
    });
  return { context, server, namespace, core: coreApi(ask), ask, exec: () => execClient(config, credentials) };
}

/** The client library's exec, over our credentials. Its own file is read, not the whole library. */
async function execClient({ cluster }: KubeConfig, credentials: Credentials): Promise<Pick<Exec, 'exec' | 'handler'>> {
  const { Exec: Client } = await import('@kubernetes/client-node/dist/exec.js');
  const config: Pick<LibraryConfig, 'getCurrentCluster' | 'applyToHTTPSOptions'> = {
    getCurrentCluster: () => cluster as ReturnType<LibraryConfig['getCurrentCluster']>,
    applyToHTTPSOptions: async (options) => {
      Object.assign(options, await credentials());
    },
  };
  return new Client(config as LibraryConfig);
}

const statusSchema = z.looseObject({ kind: z.literal('Status'), message: z.string().min(1) });

/** What an answer of the API server says in words: the message of a Status object, else its text. */
export function statusMessage(body: unknown): string {
  const value = typeof body === 'string' ? parsedOr(body) : body;
  const status = statusSchema.safeParse(value);
  if (status.success) return status.data.message;
  return typeof body === 'string' ? body.trim() : JSON.stringify(body ?? '');
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** HTTP status of an error that the API server answered with; undefined when it is another error. */
export function httpStatus(error: unknown): number | undefined {
  const code = error instanceof ToolkitError ? (error.cause as { code?: unknown } | undefined)?.code : (error as { code?: unknown }).code;
  return typeof code === 'number' ? code : undefined;
}

/** What to do about an answer, by its status. */
export function hintFor(status: number | undefined): string | undefined {
  if (status === 401) return 'The credentials of this context are not accepted: try kubectl get pods with it.';
  if (status === 403) return 'What each way needs is in manifests/kubectl-checkpoint-rbac.yaml.';
  return undefined;
}

/**
 * Calls the API, and tells what went wrong in words.
 * @param what headline of the error, e.g. "pod counter could not be read"
 * @param hint what to do, where that is not for the status alone to say
 * @throws ToolkitError with the API server's message; its cause is the client's error
 */
export async function calling<T>(kube: Pick<Kube, 'server'>, what: string, call: () => Promise<T>, hint?: string): Promise<T> {
  try {
    return await withReasons(kube.server, call);
  } catch (error) {
    const status = httpStatus(error);
    if (status === undefined) throw error;
    throw new ToolkitError(what, {
      details: [`the API server answered ${status}: ${statusMessage((error as { body?: unknown }).body)}`],
      hint: hint ?? hintFor(status),
      cause: error,
    });
  }
}

/** Errors of the connection come as errors of the network, of TLS, of a credential helper: all mean that there is no answer. */
async function withReasons<T>(server: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ToolkitError || httpStatus(error) !== undefined) throw error;
    throw new ToolkitError(`the API server does not answer: ${server}`, {
      details: reasons(error),
      hint: 'Try it with kubectl: kubectl get --raw /readyz',
      cause: error,
    });
  }
}

function reasons(error: unknown): string[] {
  if (error instanceof DeadlineError) return ['it took too long'];
  // Where a name has several addresses, none of which answers, the reasons are in the parts alone.
  const parts = error instanceof AggregateError && error.message === '' ? error.errors : [error];
  return [...new Set(parts.map(messageOf))];
}
