import { askKubelet, certificateHolder, type HttpAnswer } from '../lib/cluster/kubelet.js';
import type { ContainerRef } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import type { Kube } from '../lib/kube/client.js';
import { kubeletRoute, subresourceRoute } from './routes.js';
import { GRACE_SECONDS, KUBELET_LEAST_SECONDS } from './timeout.js';

/** Whom to ask for a checkpoint. */
export type Route =
  /** The kubelet itself, from a node container of this kind cluster. */
  | { readonly kind: 'kubelet'; readonly cluster: string }
  /** The subresource `pods/checkpoint`, where the API server has it. */
  | { readonly kind: 'api'; readonly kube: Pick<Kube, 'ask'> }
  /** The kubelet through the API server's proxy, which every API server has. */
  | { readonly kind: 'node-proxy'; readonly kube: Pick<Kube, 'ask'> };

/** What is asked for: a path of the kubelet's API or the API server's, and its query. */
export interface ApiRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
}

/** The request by which a container is checkpointed. @param query what the kubelet takes beside the container */
export function requestBy(
  route: Route,
  container: ContainerRef & { readonly node: string },
  query: Readonly<Record<string, string>>,
): ApiRequest {
  switch (route.kind) {
    case 'kubelet':
      return { path: kubeletRoute(container), query };
    case 'node-proxy':
      return { path: `/api/v1/nodes/${container.node}/proxy${kubeletRoute(container)}`, query };
    case 'api':
      return { path: subresourceRoute(container), query: { container: container.container, ...query } };
  }
}

/** Everything short of the request itself, so that nothing comes between the clock and it. */
export async function asker(
  ctx: Context,
  route: Route,
  node: string,
  { path: target, query }: ApiRequest,
  timeoutSeconds: number | null,
): Promise<() => Promise<HttpAnswer>> {
  if (route.kind === 'kubelet') {
    const search = new URLSearchParams(query).toString();
    const via = await certificateHolder(ctx, route.cluster, node);
    return () => askKubelet(ctx, { node, via }, 'POST', search === '' ? target : `${target}?${search}`);
  }
  return async () => {
    // Not cut off when the run is stopped: the container would stay paused.
    const tell = (): void => ctx.say('a checkpoint that is cut off leaves its container frozen: waiting for its end');
    ctx.signal.addEventListener('abort', tell);
    try {
      return await route.kube.ask('POST', target, {
        query,
        timeoutMs: (Math.max(timeoutSeconds ?? 0, KUBELET_LEAST_SECONDS) + GRACE_SECONDS) * 1000,
      });
    } finally {
      ctx.signal.removeEventListener('abort', tell);
    }
  };
}
