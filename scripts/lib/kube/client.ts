import type { CoreV1Api, Exec, RequestContext, ResponseContext } from '@kubernetes/client-node';
import * as z from 'zod';
import type { HttpAnswer } from '../cluster/kubelet.js';
import { messageOf, ToolkitError } from '../core/errors.js';
import { type KubeChoice, loadKubeConfig } from './config.js';

/** Milliseconds after which a call of the core API is given up. */
const CALL_TIMEOUT_MS = 30_000;

/** The calls of the core API that are used here. */
export type CoreApi = Pick<
  CoreV1Api,
  'getAPIResources' | 'readNamespacedPod' | 'readNode' | 'listNode' | 'createNamespacedPod' | 'deleteNamespacedPod' | 'listNamespacedEvent'
>;

/** The rest of a request; see {@link Kube.ask}. */
export interface KubeRequest {
  readonly query?: Readonly<Record<string, string>>;
  /** Milliseconds after which the request is given up. */
  readonly timeoutMs: number;
}

/** A cluster, reached with a kubeconfig. */
export interface Kube {
  /** Name of the kubeconfig context. */
  readonly context: string;
  /** Address of the API server. */
  readonly server: string;
  /** Namespace of the context. */
  readonly namespace: string;
  readonly core: CoreApi;
  /** Runs commands in pods. */
  readonly exec: Pick<Exec, 'exec' | 'handler'>;
  /** Requests a route that has no method in the client. @throws ToolkitError when there is no answer at all */
  ask(method: 'GET' | 'POST', route: string, request: KubeRequest): Promise<HttpAnswer>;
}

/** Connects to the cluster that the user chose. @throws UsageError when the kubeconfig does not say which */
export async function connect(env: NodeJS.ProcessEnv, choice: KubeChoice): Promise<Kube> {
  const config = await loadKubeConfig(env, choice);
  const client = await import('@kubernetes/client-node');
  const context = config.getCurrentContext();
  const server = config.getCurrentCluster()?.server ?? '';
  const baseServer = new client.ServerConfiguration(server, {});
  const http = new client.IsomorphicFetchHttpLibrary();
  // None of the calls watches or waits: one that takes longer has no answer.
  const bounded = {
    pre: async (request: RequestContext) => {
      request.setSignal(AbortSignal.timeout(CALL_TIMEOUT_MS));
      return request;
    },
    post: async (response: ResponseContext) => response,
  };
  const configuration = client.createConfiguration({ baseServer, authMethods: { default: config }, promiseMiddleware: [bounded] });
  return {
    context,
    server,
    namespace: config.getContextObject(context)?.namespace || 'default',
    core: new client.CoreV1Api(configuration),
    exec: new client.Exec(config),
    async ask(method, route, { query = {}, timeoutMs }) {
      const request = baseServer.makeRequestContext(route, client.HttpMethod[method]);
      for (const [name, value] of Object.entries(query)) request.setQueryParam(name, value);
      request.setHeaderParam('Accept', 'application/json, */*;q=0.8');
      request.setSignal(AbortSignal.timeout(timeoutMs));
      return withReasons(server, async () => {
        await config.applySecurityAuthentication(request);
        const answer = await http.send(request).toPromise();
        return { status: answer.httpStatusCode, body: await answer.body.text() };
      });
    },
  };
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
      details: [(error as Error).name === 'AbortError' ? 'it took too long' : messageOf(error)],
      hint: 'Try it with kubectl: kubectl get --raw /readyz',
      cause: error,
    });
  }
}
