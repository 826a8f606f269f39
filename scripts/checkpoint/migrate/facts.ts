import type { Kube } from '../../lib/kube/client.js';
import { calling, httpStatus } from '../../lib/kube/client.js';
import type { NodeObject, ResourceAccess } from '../../lib/kube/core.js';
import type { Route } from '../request.js';
import type { CheckedFacts } from './checks.js';
import { type MovingPod, readMovingPod } from './moving-pod.js';

/** What a migration needs to be allowed. */
function rightsFor(namespace: string, route: Route): ResourceAccess[] {
  const handover: ResourceAccess =
    route.kind === 'node-proxy'
      ? { verb: 'create', resource: 'nodes', subresource: 'proxy' }
      : { verb: 'create', resource: 'pods', subresource: 'checkpoint', namespace };
  return [
    { verb: 'create', resource: 'pods', namespace },
    { verb: 'patch', resource: 'pods', namespace },
    { verb: 'delete', resource: 'pods', namespace },
    { verb: 'create', resource: 'pods', subresource: 'restore', namespace },
    handover,
  ];
}

/** Gathers what is judged before a pod moves. */
export async function gatherFacts(kube: Kube, pod: MovingPod, to: string, route: Route, force: boolean): Promise<CheckedFacts> {
  const { namespace } = pod.metadata;
  const [target, source, claims, portsTaken, missingRights] = await Promise.all([
    readNodeIfThere(kube, to),
    readNodeIfThere(kube, pod.spec.nodeName ?? ''),
    readClaims(kube, pod),
    portsOf(kube, to, pod),
    missing(kube, rightsFor(namespace, route)),
  ]);
  return { pod, to, target, source, claims, portsTaken, missingRights, force };
}

async function readNodeIfThere(kube: Kube, name: string): Promise<NodeObject | undefined> {
  return calling(kube, `node ${name} could not be read`, () => kube.core.readNode({ name })).catch((error: unknown) => {
    if (httpStatus(error) === 404) return undefined;
    throw error;
  });
}

/** Claims that cannot be read are left out: they are judged as such. */
async function readClaims(kube: Kube, { metadata, spec }: MovingPod): Promise<CheckedFacts['claims']> {
  const names = (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [persistentVolumeClaim.claimName] : [],
  );
  const found = await Promise.all(
    names.map(async (name) => {
      try {
        const claim = await kube.core.readNamespacedPersistentVolumeClaim({ namespace: metadata.namespace, name });
        const { volumeName } = claim.spec;
        const volume = volumeName === undefined ? undefined : await kube.core.readPersistentVolume({ name: volumeName });
        return [[name, { claim, volume }] as const];
      } catch (error) {
        if (httpStatus(error) === undefined) throw error;
        return [];
      }
    }),
  );
  return new Map(found.flat());
}

/** Asked only for a pod that wants some. Where one may not list all pods, the kubelet finds out before anything is frozen. */
async function portsOf(kube: Kube, node: string, pod: MovingPod): Promise<Map<string, string>> {
  const wants = pod.spec.containers.some(({ ports }) => ports?.some(({ hostPort }) => hostPort !== undefined));
  if (!wants) return new Map();
  const { items } = await kube.core.listPodsOfNode({ name: node }).catch((error: unknown) => {
    if (httpStatus(error) === 403) return { items: [] };
    throw error;
  });
  return new Map(
    items
      .map((item) => readMovingPod(item))
      .flatMap(({ metadata, spec }) =>
        spec.containers
          .flatMap(({ ports }) => ports ?? [])
          .flatMap(({ hostPort, protocol = 'TCP' }) =>
            hostPort === undefined ? [] : [[`${hostPort}/${protocol}`, `${metadata.namespace}/${metadata.name}`] as const],
          ),
      ),
  );
}

async function missing(kube: Kube, rights: readonly ResourceAccess[]): Promise<string[]> {
  const asked = await Promise.all(
    rights.map(async (right) => {
      const { status } = await calling(kube, 'it could not be asked what you may do', () => kube.core.createSelfSubjectAccessReview(right));
      return status.allowed ? [] : [nameOf(right)];
    }),
  );
  return asked.flat();
}

function nameOf({ verb, resource, subresource, namespace }: ResourceAccess): string {
  return `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}
