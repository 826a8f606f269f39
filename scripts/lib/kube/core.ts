import * as z from 'zod';
import type { HttpAnswer } from '../cluster/kubelet.js';
import { messageOf, ToolkitError } from '../core/errors.js';

/** Milliseconds after which a call of the core API is given up: none of them watches or waits. */
const CALL_TIMEOUT_MS = 30_000;

const resourcesSchema = z.object({ resources: z.array(z.object({ name: z.string(), verbs: z.array(z.string()) })) });
const nodeSchema = z.object({
  metadata: z.object({ name: z.string().optional() }).optional(),
  spec: z
    .object({
      providerID: z.string().optional(),
      unschedulable: z.boolean().optional(),
      taints: z.array(z.object({ key: z.string(), value: z.string().optional(), effect: z.string() })).optional(),
    })
    .optional(),
  status: z
    .object({
      nodeInfo: z
        .object({
          machineID: z.string().optional(),
          architecture: z.string().optional(),
          operatingSystem: z.string().optional(),
          containerRuntimeVersion: z.string().optional(),
        })
        .optional(),
      conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string().optional() })).optional(),
    })
    .optional(),
});
const nodesSchema = z.object({ items: z.array(nodeSchema) });
const eventsSchema = z.object({ items: z.array(z.object({ message: z.string().optional() })) });

const claimSchema = z.object({
  spec: z.object({ accessModes: z.array(z.string()).optional(), volumeName: z.string().optional() }).default({}),
});
const volumeSchema = z.looseObject({ spec: z.looseObject({ nodeAffinity: z.unknown().optional() }).default({}) });
const reviewSchema = z.object({ status: z.object({ allowed: z.boolean(), reason: z.string().optional() }) });

const waiting = z.object({ reason: z.string().optional(), message: z.string().optional() });
/** Whatever else a pod holds is kept: see parsePod of the room cluster. */
const podSchema = z.looseObject({
  status: z
    .looseObject({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      containerStatuses: z
        .array(z.looseObject({ state: z.looseObject({ running: z.unknown().optional(), waiting: waiting.optional() }).optional() }))
        .optional(),
    })
    .optional(),
});

const podsSchema = z.object({ items: z.array(podSchema) });

/** A node, as far as it matters here. */
export type NodeObject = z.infer<typeof nodeSchema>;

/** A pod, as far as it matters for a helper. */
export type PodObject = z.infer<typeof podSchema>;

/** A claim of a volume, as far as it tells who may mount it. */
export type ClaimObject = z.infer<typeof claimSchema>;

/** A volume, as far as it tells whether it is bound to a node. */
export type VolumeObject = z.infer<typeof volumeSchema>;

/** Something that one may be allowed to do. */
export interface ResourceAccess {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

/** A pod or another object that has a name in a namespace. */
export interface Named {
  readonly namespace: string;
  readonly name: string;
}

/**
 * The calls of the core API that are used here, by the names of the client library.
 * Each @throws StatusError when it is refused, ToolkitError when there is no answer or one that is not what it should be
 */
export interface CoreApi {
  getAPIResources(): Promise<z.infer<typeof resourcesSchema>>;
  readNode(node: { readonly name: string }): Promise<NodeObject>;
  listNode(): Promise<z.infer<typeof nodesSchema>>;
  readNamespacedPod(pod: Named): Promise<PodObject>;
  listNamespacedPod(pods: {
    readonly namespace: string;
    readonly labelSelector: string;
  }): Promise<{ readonly items: readonly PodObject[] }>;
  createNamespacedPod(pod: { readonly namespace: string; readonly body: object }): Promise<void>;
  /** @param body a JSON merge patch (RFC 7386) */
  patchNamespacedPod(pod: Named & { readonly body: object }): Promise<void>;
  /** @param uid the pod must have it: another one that has got its name meanwhile stays (409) */
  deleteNamespacedPod(pod: Named & { readonly gracePeriodSeconds: number; readonly uid?: string }): Promise<void>;
  /** The pods that are bound to a node, in all namespaces. */
  listPodsOfNode(node: { readonly name: string }): Promise<{ readonly items: readonly PodObject[] }>;
  readNamespacedPersistentVolumeClaim(claim: Named): Promise<ClaimObject>;
  readPersistentVolume(volume: { readonly name: string }): Promise<VolumeObject>;
  /** Asks whether this user may do something. */
  createSelfSubjectAccessReview(asked: ResourceAccess): Promise<z.infer<typeof reviewSchema>>;
  listNamespacedEvent(events: { readonly namespace: string; readonly fieldSelector: string }): Promise<z.infer<typeof eventsSchema>>;
}

/** The API server answered with an error. */
export class StatusError extends Error {
  constructor(
    /** HTTP status. */
    readonly code: number,
    readonly body: string,
  ) {
    super(`HTTP status ${code}`);
    this.name = 'StatusError';
  }
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** What belongs to a request of the API beside its path. */
export interface ApiRequest {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Milliseconds after which it is given up. */
  readonly timeoutMs: number;
}

/** Sends a request of the API with the user's credentials. @throws ToolkitError when there is no answer at all */
export type Send = (method: Method, route: string, request: ApiRequest) => Promise<HttpAnswer>;

/** The core API over requests that are sent. */
export function coreApi(send: Send): CoreApi {
  const call = async (method: Method, route: string, rest: Omit<ApiRequest, 'timeoutMs'> = {}): Promise<string> => {
    const { status, body } = await send(method, route, { ...rest, timeoutMs: CALL_TIMEOUT_MS });
    if (status < 200 || status > 299) throw new StatusError(status, body);
    return body;
  };
  const read = async <T>(schema: z.ZodType<T>, route: string, query: ApiRequest['query'] = {}): Promise<T> => {
    return parsed(schema, `GET ${route}`, await call('GET', route, { query }));
  };
  const parsed = <T>(schema: z.ZodType<T>, request: string, text: string): T => {
    const outcome = jsonOf(schema).safeParse(text);
    if (outcome.success) return outcome.data;
    throw new ToolkitError(`the API server answered ${request} with something else than expected`, {
      details: z.prettifyError(outcome.error).split('\n'),
    });
  };
  const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
  return {
    getAPIResources: () => read(resourcesSchema, '/api/v1'),
    readNode: ({ name }) => read(nodeSchema, `/api/v1/nodes/${name}`),
    listNode: () => read(nodesSchema, '/api/v1/nodes'),
    readNamespacedPod: ({ namespace, name }) => read(podSchema, `${pods(namespace)}/${name}`),
    createNamespacedPod: async ({ namespace, body }) => {
      await call('POST', pods(namespace), { body });
    },
    patchNamespacedPod: async ({ namespace, name, body }) => {
      await call('PATCH', `${pods(namespace)}/${name}`, { body });
    },
    deleteNamespacedPod: async ({ namespace, name, gracePeriodSeconds, uid }) => {
      const query = { gracePeriodSeconds: String(gracePeriodSeconds) };
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds, preconditions: { uid } };
      await call('DELETE', `${pods(namespace)}/${name}`, uid === undefined ? { query } : { body });
    },
    listNamespacedPod: ({ namespace, labelSelector }) => read(podsSchema, pods(namespace), { labelSelector }),
    listPodsOfNode: ({ name }) => read(podsSchema, '/api/v1/pods', { fieldSelector: `spec.nodeName=${name}` }),
    readNamespacedPersistentVolumeClaim: ({ namespace, name }) =>
      read(claimSchema, `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${name}`),
    readPersistentVolume: ({ name }) => read(volumeSchema, `/api/v1/persistentvolumes/${name}`),
    createSelfSubjectAccessReview: async (resourceAttributes) => {
      const route = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
      return parsed(reviewSchema, `POST ${route}`, await call('POST', route, { body }));
    },
    listNamespacedEvent: ({ namespace, fieldSelector }) => read(eventsSchema, `/api/v1/namespaces/${namespace}/events`, { fieldSelector }),
  };
}

/** Text that must be JSON of a form. */
function jsonOf<T>(schema: z.ZodType<T>): z.ZodType<T> {
  const json = z.string().transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
      return z.NEVER;
    }
  });
  return json.pipe(schema);
}
