import type { ContainerRef } from '../lib/cluster/pod.js';

/** Where a kubelet checkpoints a container (https://kubernetes.io/docs/reference/node/kubelet-checkpoint-api/). */
export function kubeletRoute({ namespace, pod, container }: ContainerRef): string {
  return `/checkpoint/${namespace}/${pod}/${container}`;
}

/** The subresource `pods/checkpoint` of a pod. */
export function subresourceRoute({ namespace, pod }: Pick<ContainerRef, 'namespace' | 'pod'>): string {
  return `/api/v1/namespaces/${namespace}/pods/${pod}/checkpoint`;
}
