import { randomUUID } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { archiveFolder } from '../cluster/kubelet.js';
import type { ContainerRef } from '../cluster/pod.js';
import type { Context } from '../core/context.js';
import { messageOf, ToolkitError } from '../core/errors.js';
import { until } from '../core/until.js';
import { calling, httpStatus, type Kube } from './client.js';
import type { PodObject } from './core.js';

/** A helper whose client was killed ends by itself after this long, seconds. */
const LIFETIME_SECONDS = 3600;
/** How long its start may take, an image to be pulled included, milliseconds. */
const PATIENCE_MS = 120_000;
const POLL_MS = 250;
/** How long its removal is tried, milliseconds. */
const REMOVAL_MS = 750;
/** What a container waits with that will not come by itself. */
const HOPELESS =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

/** What a helper is made for. */
export interface Helper {
  readonly node: string;
  readonly namespace: string;
  /** It must have sh, cat, stat, tar and sha256sum. */
  readonly image: string;
  /** For removing archives; else it cannot change anything. */
  readonly writable: boolean;
}

/**
 * A pod that sees the checkpoint folder of a node and nothing else of it: no token, no capabilities, bound to the node whatever
 * its taints, and it ends by itself.
 */
export function helperPod(name: string, { node, namespace, image, writable }: Helper): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { 'app.kubernetes.io/name': 'checkpoint-helper', 'app.kubernetes.io/managed-by': 'kubectl-checkpoint' },
    },
    spec: {
      nodeName: node,
      tolerations: [{ operator: 'Exists' }],
      restartPolicy: 'Never',
      activeDeadlineSeconds: LIFETIME_SECONDS,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      containers: [
        {
          name: 'helper',
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['sleep', String(LIFETIME_SECONDS)],
          securityContext: {
            runAsUser: 0,
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [{ name: 'checkpoints', mountPath: archiveFolder, readOnly: !writable }],
        },
      ],
      volumes: [{ name: 'checkpoints', hostPath: { path: archiveFolder, type: 'Directory' } }],
    },
  };
}

/** Does something with a helper pod, which is removed afterwards whatever happens; also when the run is stopped. */
export async function withHelperPod<T>(ctx: Context, kube: Kube, helper: Helper, act: (pod: ContainerRef) => Promise<T>): Promise<T> {
  const name = `checkpoint-helper-${randomUUID().slice(0, 8)}`;
  const where = { namespace: helper.namespace, name };
  ctx.signal.throwIfAborted();
  let mayBeThere = true;
  try {
    await calling(
      kube,
      `the helper pod ${helper.namespace}/${name} could not be created`,
      () => kube.core.createNamespacedPod({ namespace: helper.namespace, body: helperPod(name, helper) }),
      `It must be allowed (manifests/kubectl-checkpoint-rbac.yaml), and ${helper.namespace} must admit hostPath volumes; or take another namespace: --helper-namespace`,
    ).catch((error: unknown) => {
      // Refused. Without an answer it may have been created all the same.
      mayBeThere = httpStatus(error) === undefined;
      throw error;
    });
    await untilRunning(ctx, kube, where, helper);
    return await act({ namespace: helper.namespace, pod: name, container: 'helper' });
  } finally {
    if (mayBeThere) await remove(ctx, kube, where);
  }
}

interface Where {
  readonly namespace: string;
  readonly name: string;
}

async function untilRunning(ctx: Context, kube: Kube, where: Where, helper: Helper): Promise<void> {
  const pod = await until(
    ctx,
    (last) => doesNotStart(kube, where, helper, last),
    () => calling(kube, `pod ${where.namespace}/${where.name} could not be read`, () => kube.core.readNamespacedPod(where)),
    (seen) => runs(seen) || isHopeless(seen),
    { patienceMs: PATIENCE_MS, everyMs: POLL_MS },
  );
  if (!runs(pod)) throw await doesNotStart(kube, where, helper, pod);
}

const stateOf = ({ status }: PodObject) => status?.containerStatuses?.[0]?.state;

function runs(pod: PodObject): boolean {
  return stateOf(pod)?.running !== undefined;
}

function isHopeless(pod: PodObject): boolean {
  const phase = pod.status?.phase;
  return phase === 'Failed' || phase === 'Succeeded' || HOPELESS.test(stateOf(pod)?.waiting?.reason ?? '');
}

async function doesNotStart(kube: Kube, where: Where, { node, image }: Helper, pod: PodObject): Promise<ToolkitError> {
  const { status } = pod;
  const waiting = stateOf(pod)?.waiting;
  const reasons = [waiting?.reason, waiting?.message, status?.reason, status?.message].filter((text) => text !== undefined);
  return new ToolkitError(`the helper pod does not start on node ${node}`, {
    details:
      waiting?.message === undefined
        ? [...(reasons.length === 0 ? [`it is ${status?.phase ?? 'unknown'}`] : reasons), ...(await warnings(kube, where))]
        : reasons,
    hint: `Name an image that the node has or can pull: --helper-image (now ${image}). Or another namespace: --helper-namespace.`,
  });
}

/** What the kubelet complained of, where one may read it. */
async function warnings(kube: Kube, { namespace, name }: Where): Promise<string[]> {
  const events = await kube.core
    .listNamespacedEvent({ namespace, fieldSelector: `involvedObject.name=${name},type=Warning` })
    .catch(() => undefined);
  return [...new Set((events?.items ?? []).map(({ message }) => message ?? ''))].filter((text) => text !== '').slice(0, 3);
}

/** Also when the run was stopped. Never fails: the error that led here matters more. What stays is named. */
async function remove({ clock, say }: Context, kube: Kube, where: Where): Promise<void> {
  const unstopped = { clock, signal: new AbortController().signal };
  const stays = (reason: string | undefined): ToolkitError =>
    new ToolkitError(
      `the helper pod could not be removed (${reason}); it ends by itself within the hour: kubectl --namespace ${where.namespace} delete pod ${where.name}`,
    );
  const attempt = (): Promise<string | undefined> =>
    kube.core.deleteNamespacedPod({ ...where, gracePeriodSeconds: 0 }).then(
      () => undefined,
      (error: unknown) => (httpStatus(error) === 404 ? undefined : messageOf(error).split('\n', 1)[0]),
    );
  await until(unstopped, stays, attempt, (reason) => reason === undefined, { patienceMs: REMOVAL_MS, everyMs: POLL_MS }).catch((error) =>
    say(messageOf(error)),
  );
}
