import { z } from 'zod';
import type { Context } from './context.js';
import { ToolkitError, UsageError } from './errors.js';
import { kubectlJson } from './kubectl.js';

const statusSchema = z.looseObject({
  name: z.string(),
  containerID: z.string().optional(),
  imageID: z.string().optional(),
  image: z.string(),
  restartCount: z.number(),
  ready: z.boolean(),
});

const podSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
  spec: z.looseObject({ nodeName: z.string().optional(), containers: z.array(z.looseObject({ name: z.string() })) }),
  status: z.looseObject({ phase: z.string(), containerStatuses: z.array(statusSchema).optional() }),
});

/** A pod, as far as it matters here. */
export type Pod = z.infer<typeof podSchema>;

/** A container of a pod. */
export interface ContainerRef {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** A container and where it runs. */
export interface RunningContainer extends ContainerRef {
  readonly node: string;
  /** ID in the runtime, without its scheme. */
  readonly id: string;
  readonly restartCount: number;
  readonly image: string;
}

/** Reads a pod. @throws CommandError when there is none */
export function readPod(ctx: Context, namespace: string, pod: string): Promise<Pod> {
  return kubectlJson(ctx, ['--namespace', namespace, 'get', 'pod', pod], podSchema, {
    failure: `there is no pod ${pod} in the namespace ${namespace}`,
  });
}

/** Finds a container; the only one of its pod when none is named. @throws UsageError, ToolkitError that name what there is */
export async function findContainer(
  ctx: Context,
  namespace: string,
  podName: string,
  container: string | undefined,
): Promise<RunningContainer> {
  const pod = await readPod(ctx, namespace, podName);
  const names = pod.spec.containers.map(({ name }) => name);
  const chosen = container ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined)
    throw new UsageError(`pod ${podName} has several containers`, { hint: `Name one: --container ${names.join(' | ')}` });
  const status = pod.status.containerStatuses?.find(({ name }) => name === chosen);
  if (!names.includes(chosen)) throw new UsageError(`pod ${podName} has no container ${chosen}`, { hint: `It has: ${names.join(', ')}` });
  if (status?.containerID === undefined || pod.spec.nodeName === undefined) {
    throw new ToolkitError(`container ${chosen} of pod ${podName} does not run`, { details: [`the pod is ${pod.status.phase}`] });
  }
  return {
    namespace,
    pod: podName,
    container: chosen,
    node: pod.spec.nodeName,
    id: status.containerID.replace(/^.*:\/\//, ''),
    restartCount: status.restartCount,
    image: status.image,
  };
}
