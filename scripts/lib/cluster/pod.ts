import * as z from 'zod';
import type { Context } from '../core/context.js';
import { ToolkitError, UsageError } from '../core/errors.js';
import { kubectlJson } from './kubectl.js';

const statusSchema = z.looseObject({
  name: z.string(),
  containerID: z.string().optional(),
  imageID: z.string().optional(),
  image: z.string(),
  restartCount: z.number(),
  ready: z.boolean(),
  state: z.looseObject({ terminated: z.looseObject({ reason: z.string().nullish() }).nullish() }).nullish(),
});

const named = z.array(z.looseObject({ name: z.string() }));
const statuses = z.array(statusSchema).optional();

const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    containers: named,
    initContainers: named.optional(),
    ephemeralContainers: named.optional(),
  }),
  status: z.looseObject({
    phase: z.string(),
    containerStatuses: statuses,
    initContainerStatuses: statuses,
    ephemeralContainerStatuses: statuses,
  }),
});

/** Names the container that kubectl takes where none is named. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

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
  return chooseContainer(await readPod(ctx, namespace, podName), container);
}

/** A pod as some client read it. @throws ToolkitError when it is none */
export function parsePod(value: unknown): Pod {
  const parsed = podSchema.safeParse(value);
  if (!parsed.success)
    throw new ToolkitError('the API server answered with something that is no pod', { details: z.prettifyError(parsed.error).split('\n') });
  return parsed.data;
}

/**
 * The container that is meant: the one named, be it an init or an ephemeral one; else the pod's default one; else its only one.
 * @throws UsageError when that is not clear, with the names that there are; ToolkitError when it does not run
 */
export function chooseContainer({ metadata, spec, status }: Pod, container: string | undefined): RunningContainer {
  const { name: pod, namespace } = metadata;
  const names = spec.containers.map(({ name }) => name);
  const others = [...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])].map(({ name }) => name);
  const fallback = metadata.annotations?.[DEFAULT_CONTAINER];
  const chosen = container ?? (names.length === 1 ? names[0] : names.find((name) => name === fallback));
  if (chosen === undefined)
    throw new UsageError(`pod ${pod} has several containers`, { hint: `Name one: --container ${names.join(' | ')}` });
  if (![...names, ...others].includes(chosen))
    throw new UsageError(`pod ${pod} has no container ${chosen}`, { hint: `It has: ${[...names, ...others].join(', ')}` });
  const found = [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses]
    .flatMap((list) => list ?? [])
    .find(({ name }) => name === chosen);
  const ended = found?.state?.terminated;
  if (found?.containerID === undefined || spec.nodeName === undefined || ended)
    throw new ToolkitError(`container ${chosen} of pod ${pod} does not run`, {
      details: [`the pod is ${status.phase}${ended ? `, the container has ended (${ended.reason ?? 'no reason given'})` : ''}`],
    });
  return {
    namespace,
    pod,
    container: chosen,
    node: spec.nodeName,
    id: found.containerID.replace(/^.*:\/\//, ''),
    restartCount: found.restartCount,
    image: found.image,
  };
}
