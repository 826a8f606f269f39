import * as z from 'zod';
import { ToolkitError } from '../../lib/core/errors.js';
import { isSidecar } from '../pod-manifest.js';

const text = z.record(z.string(), z.string()).optional();
const containerSchema = z.looseObject({
  name: z.string(),
  restartPolicy: z.string().optional(),
  ports: z.array(z.looseObject({ hostPort: z.number().optional(), protocol: z.string().optional() })).optional(),
});
const statusSchema = z.looseObject({
  name: z.string(),
  image: z.string().default(''),
  containerID: z.string().optional(),
  restartCount: z.number().default(0),
  state: z
    .looseObject({
      running: z.unknown().optional(),
      waiting: z.looseObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
    })
    .optional(),
});
const toleration = z.looseObject({
  key: z.string().optional(),
  operator: z.string().optional(),
  value: z.string().optional(),
  effect: z.string().optional(),
});
const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: text,
    annotations: text,
    ownerReferences: z.array(z.looseObject({ kind: z.string(), name: z.string(), controller: z.boolean().optional() })).optional(),
  }),
  spec: z.looseObject({
    nodeName: z.string().optional(),
    hostPID: z.boolean().optional(),
    containers: z.array(containerSchema),
    initContainers: z.array(containerSchema).optional(),
    ephemeralContainers: z.array(z.looseObject({ name: z.string() })).optional(),
    tolerations: z.array(toleration).optional(),
    volumes: z
      .array(z.looseObject({ name: z.string(), persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional() }))
      .optional(),
  }),
  status: z.looseObject({
    phase: z.string().default('Pending'),
    reason: z.string().optional(),
    message: z.string().optional(),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).optional(),
    containerStatuses: z.array(statusSchema).optional(),
    initContainerStatuses: z.array(statusSchema).optional(),
  }),
});

/** A pod that moves, or the one that it becomes; all of its fields are kept, these are those that are read. */
export type MovingPod = z.infer<typeof podSchema>;

/** Reads a pod as the API gives it. @throws ToolkitError when it is none */
export function readMovingPod(value: unknown): MovingPod {
  const parsed = podSchema.safeParse(value);
  if (!parsed.success)
    throw new ToolkitError('the API server answered with something that is no pod', { details: z.prettifyError(parsed.error).split('\n') });
  return parsed.data;
}

/** Whether the API tells that all containers of a pod run, those that are to end first aside. */
export function allRun({ spec, status }: MovingPod): boolean {
  const told = status.containerStatuses ?? [];
  return told.length === spec.containers.length && told.every(({ state }) => state?.running != null);
}

/** Names of the containers whose processes move: sidecars first, as they start first. */
export function movingContainers({ spec }: Pick<MovingPod, 'spec'>): string[] {
  return [...(spec.initContainers ?? []).filter(isSidecar), ...spec.containers].map(({ name }) => name);
}

/** Whether the pod counts as ready. */
export function isReady({ status }: Pick<MovingPod, 'status'>): boolean {
  return (status.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
}

/** Whether a pod will run no process any more. */
export function hasEnded({ status }: Pick<MovingPod, 'status'>): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}
