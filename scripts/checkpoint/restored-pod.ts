import * as z from 'zod';
import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { until } from '../lib/core/until.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import type { Named } from '../lib/kube/core.js';

const ended = z.looseObject({
  exitCode: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: z.string().nullish(),
});
const state = z
  .looseObject({
    running: z.looseObject({ startedAt: z.string().nullish() }).nullish(),
    waiting: z.looseObject({ reason: z.string().optional(), message: z.string().optional() }).nullish(),
    terminated: ended.nullish(),
  })
  .nullish();
const statusSchema = z.looseObject({ name: z.string(), state, lastState: state, containerID: z.string().optional() });
const podSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string().optional(), creationTimestamp: z.string().nullish() }).default({}),
  status: z
    .looseObject({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      containerStatuses: z.array(statusSchema).optional(),
      initContainerStatuses: z.array(statusSchema).optional(),
    })
    .default({}),
});

/** A pod that starts, as far as that is to be seen. */
export type StartingPod = z.infer<typeof podSchema>;
type ContainerStatus = z.infer<typeof statusSchema>;

/** Why a pod does not start. */
export interface StartFailure {
  /** The container that does not; undefined where the node did not take the pod at all. */
  readonly container: string | undefined;
  /** The kubelet's word, e.g. CreateContainerError, ErrImageNeverPull, OutOfcpu. */
  readonly reason: string;
  /** What the runtime or the kubelet said, as lines. */
  readonly messages: readonly string[];
}

/** What a container waits with that will not come by itself. */
const HOPELESS =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError|CrashLoopBackOff)$/;
/** How the kubelet says that a container's start failed, as against its process. */
const START_ERROR = /^(StartError|ContainerCannotRun|CreateContainerError|RunContainerError)$/;
/** The kubelet gave up waiting for the runtime, which is at work still; it asks again. */
const STILL_AT_WORK = /DeadlineExceeded|deadline exceeded|is reserved for/;

/** How long a pod may take to start, milliseconds. */
export const START_PATIENCE_MS = 180_000;
const POLL_MS = 250;

/** Reads a pod. @throws ToolkitError when there is none, or it cannot be read */
export async function readStarting(kube: Kube, where: Named): Promise<StartingPod> {
  return podSchema.parse(
    await calling(kube, `pod ${where.namespace}/${where.name} could not be read`, () => kube.core.readNamespacedPod(where)),
  );
}

/** The status of a container, be it an init container. */
export function statusOf({ status }: StartingPod, container: string): ContainerStatus | undefined {
  return [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].find(({ name }) => name === container);
}

/** Whether a container was started, be its process at work still or not. */
export function wasStarted(pod: StartingPod, container: string): boolean {
  const { state: now, lastState: before } = statusOf(pod, container) ?? {};
  const ran = [now?.terminated, before?.terminated].some((end) => end != null && !START_ERROR.test(end.reason ?? ''));
  return now?.running != null || ran;
}

/**
 * Why a pod does not start, as far as its status tells.
 * @param passing messages after which it is worth waiting on
 * @returns undefined while it may still
 */
export function startFailure(pod: StartingPod, passing = STILL_AT_WORK): StartFailure | undefined {
  const { phase, reason, message, containerStatuses = [], initContainerStatuses = [] } = pod.status;
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const { waiting, terminated } = status.state ?? {};
    const failed = terminated != null && START_ERROR.test(terminated.reason ?? '') ? terminated : undefined;
    const found = failed ?? (waiting != null && HOPELESS.test(waiting.reason ?? '') ? waiting : undefined);
    if (found === undefined) continue;
    // While the kubelet waits to try again, it tells how often it has; what went wrong is in the state before.
    const before = status.lastState?.terminated;
    const messages = [found.reason === 'CrashLoopBackOff' ? before?.message : found.message, before?.message];
    const said = [...new Set(messages.filter((text) => text !== undefined && text !== ''))] as string[];
    if (said.some((text) => passing.test(text))) continue;
    return { container: status.name, reason: found.reason ?? 'unknown', messages: said };
  }
  if (phase !== 'Failed' || containerStatuses.some(({ state }) => state?.terminated != null)) return undefined;
  return { container: undefined, reason: reason ?? phase, messages: message === undefined ? [] : [message] };
}

/** What to wait for, and how. */
export interface Waiting {
  /** Containers that must have been started. */
  readonly containers: readonly string[];
  readonly patienceMs?: number;
  /** Messages of the runtime after which it is worth waiting on. */
  readonly passing?: RegExp;
}

/**
 * Waits until containers of a pod have been started.
 * @returns the pod as it is then
 * @throws ToolkitError with the runtime's own reason when it does not start, was removed, or takes too long
 */
export async function untilStarted(
  ctx: Pick<Context, 'clock' | 'signal'>,
  kube: Kube,
  where: Named,
  { containers, patienceMs = START_PATIENCE_MS, passing }: Waiting,
): Promise<StartingPod> {
  const started = (pod: StartingPod): boolean => containers.every((container) => wasStarted(pod, container));
  const look = (): Promise<StartingPod> =>
    readStarting(kube, where).catch((error: unknown) => {
      if (httpStatus(error) !== 404) throw error;
      throw new ToolkitError(`pod ${where.namespace}/${where.name} was removed while it started`, { cause: error });
    });
  const pod = await until(
    ctx,
    (last) => tooSlow(kube, where, last, containers, patienceMs),
    look,
    (seen) => started(seen) || startFailure(seen, passing) !== undefined,
    { patienceMs, everyMs: POLL_MS },
  );
  const failure = startFailure(pod, passing);
  if (failure === undefined || started(pod)) return pod;
  throw await doesNotStart(kube, where, failure);
}

/** The error for a pod that does not start: with what the kubelet and the runtime say of it. */
export async function doesNotStart(kube: Kube, where: Named, { container, reason, messages }: StartFailure): Promise<ToolkitError> {
  const told = messages.map(plain);
  // The kubelet shortens what it puts into the status; the event has all of it.
  const events = (await warnings(kube, where)).map(plain).filter((text) => !told.some((known) => text.includes(known)));
  const subject =
    container === undefined ? `pod ${where.name} was not taken by its node` : `container ${container} of pod ${where.name} does not start`;
  return new ToolkitError(`${subject} (${reason})`, {
    details: told.length > 0 ? told : events,
    hint: hintAfter(reason, [...told, ...events].join('\n')),
  });
}

async function tooSlow(
  kube: Kube,
  where: Named,
  pod: StartingPod,
  containers: readonly string[],
  patienceMs: number,
): Promise<ToolkitError> {
  const missing = containers.filter((container) => !wasStarted(pod, container));
  const states = missing.map((container) => {
    const waiting = statusOf(pod, container)?.state?.waiting;
    return `container ${container}: ${waiting?.reason ?? 'not begun yet'}${waiting?.message === undefined ? '' : `: ${plain(waiting.message)}`}`;
  });
  return new ToolkitError(`pod ${where.name} has not started within ${patienceMs / 1000} s`, {
    details: [`it is ${pod.status.phase ?? 'unknown'}`, ...states, ...(await warnings(kube, where)).map(plain)],
    hint: 'Give it longer: --timeout 10m',
  });
}

/** The gRPC code before a message, and the kubelet's word for it, say nothing. */
function plain(message: string): string {
  return message
    .trim()
    .replace(/^Error: /, '')
    .replace(/^(failed to (create|start) container[^:]*: )?rpc error: code = \w+ desc = /, '');
}

/** What to do, where the reason tells. */
function hintAfter(reason: string, said: string): string | undefined {
  if (reason === 'ErrImageNeverPull')
    return 'The node lacks the image, and the pod forbids to pull it: npm run image:load -- IMAGE, or another node: --node';
  if (/^(ErrImagePull|ImagePullBackOff|InvalidImageName)$/.test(reason))
    return 'The node must be able to pull the image that the container had.';
  if (/holds something already/.test(said))
    return 'Another container of the pod had written there before: give an archive of that one too, made at the same time.';
  if (/^(NodeAffinity|OutOf\w+|NodePorts|UnexpectedAdmissionError)$/.test(reason)) return 'Name another node: --node NODE';
  return undefined;
}

/** What the kubelet complained of, where one may read it. */
async function warnings(kube: Kube, { namespace, name }: Named): Promise<string[]> {
  const events = await kube.core
    .listNamespacedEvent({ namespace, fieldSelector: `involvedObject.name=${name},type=Warning` })
    .catch(() => undefined);
  return [...new Set((events?.items ?? []).map(({ message }) => message ?? ''))].filter((text) => text !== '').slice(0, 3);
}
