import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CORE_SCHEMA, load } from 'js-yaml';
import { type OldPod, readOldPod } from '../checkpoint/pod-manifest.js';
import { checkTarget, type PlannedPod } from '../checkpoint/restore-plan.js';
import type { RestoreArchive } from '../checkpoint/restore-source.js';
import type { RestoreWay } from '../checkpoint/restore-way.js';
import { messageOf, ToolkitError, UsageError } from '../lib/core/errors.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import type { Named, NodeObject } from '../lib/kube/core.js';

/** Reads a pod's manifest, YAML or JSON. @throws UsageError when it cannot be read, or is none */
export async function readManifest(given: string): Promise<OldPod> {
  const file = path.resolve(given);
  try {
    return readOldPod(load(await readFile(file, 'utf8'), { schema: CORE_SCHEMA }), file);
  } catch (error) {
    const details = error instanceof ToolkitError ? error.details : messageOf(error).split('\n').slice(0, 5);
    throw new UsageError(`--pod: there is no pod’s manifest in ${file}`, { details, cause: error });
  }
}

/**
 * The node on which archives are restored: the one that was asked for; else the one that has the first archive; else the one that the
 * pod was on; else the only one there is.
 * @throws UsageError when none is named and none goes without saying; ToolkitError when it cannot restore them
 */
export async function targetOf(
  kube: Kube,
  asked: string | undefined,
  archives: readonly RestoreArchive[],
  { spec }: PlannedPod,
): Promise<{ name: string; object: NodeObject }> {
  const place = archives.map((archive) => archive.place).find((one) => 'node' in one);
  const named = asked ?? (place !== undefined && 'node' in place ? place.node : undefined);
  const name = named ?? (await nodeByItself(kube, spec.nodeName));
  const object = await readNode(kube, name);
  checkTarget(name, object, archives);
  return { name, object };
}

/** @throws ToolkitError that names those there are, when there is none of that name */
export async function readNode(kube: Kube, name: string): Promise<NodeObject> {
  try {
    return await calling(kube, `node ${name} could not be read`, () => kube.core.readNode({ name }));
  } catch (error) {
    if (httpStatus(error) !== 404) throw error;
    const { items } = await kube.core.listNode().catch(() => ({ items: [] }));
    const names = items.map(({ metadata }) => metadata?.name).filter((one) => one !== undefined);
    throw new UsageError(`there is no node ${name}`, {
      details: [`context: ${kube.context}`],
      hint: names.length === 0 ? undefined : `Nodes: ${names.join(', ')}`,
      cause: error,
    });
  }
}

async function nodeByItself(kube: Kube, former: string | undefined): Promise<string> {
  const { items } = await calling(kube, 'the nodes could not be listed', () => kube.core.listNode(), 'Name one: --node NODE');
  const names = items.map(({ metadata }) => metadata?.name).filter((name) => name !== undefined);
  const chosen = names.find((name) => name === former) ?? (names.length === 1 ? names[0] : undefined);
  if (chosen !== undefined) return chosen;
  throw new UsageError('on which node?', {
    details: [former === undefined ? 'The archive lies here, and its pod does not tell.' : `The pod was on ${former}, which is not here.`],
    hint: `Name one: --node ${names.join(' | ')}`,
  });
}

/** What a restore needs beside the way to the archives. */
const RIGHTS = [
  { verb: 'create', resource: 'pods' },
  { verb: 'get', resource: 'pods' },
  { verb: 'delete', resource: 'pods' },
  { verb: 'create', resource: 'pods', subresource: 'restore' },
] as const;

/**
 * Asks for rights before anything is made. Where that cannot be asked, the answer to the creation tells.
 * @param way by which it is restored: from an image, a pod is a pod like any other
 * @throws ToolkitError
 */
export async function checkRights(kube: Kube, namespace: string, way: RestoreWay['kind']): Promise<void> {
  const needed = RIGHTS.filter((right) => way === 'annotation' || !('subresource' in right));
  const answers = await Promise.all(
    needed.map((right) =>
      kube.core.createSelfSubjectAccessReview({ ...right, namespace }).then(
        ({ status }) => ({ right, allowed: status.allowed }),
        () => ({ right, allowed: true }),
      ),
    ),
  );
  const missing = answers.filter(({ allowed }) => !allowed).map(({ right }) => right);
  if (missing.length === 0) return;
  const command = ({ verb, resource, ...rest }: (typeof RIGHTS)[number]): string =>
    `kubectl auth can-i ${verb} ${resource}${'subresource' in rest ? ` --subresource=${rest.subresource}` : ''} --namespace ${namespace}`;
  const called = (right: (typeof RIGHTS)[number]): string =>
    `${right.verb} on ${right.resource}${'subresource' in right ? `/${right.subresource}` : ''}`;
  throw new ToolkitError(`you may not restore pods in namespace ${namespace}: ${missing.map(called).join(', ')} is needed`, {
    details: missing.map((right) => `${command(right)}: no`),
    hint: 'What each way needs is in manifests/kubectl-checkpoint-rbac.yaml.',
  });
}

/** @throws UsageError when there is a pod of that name */
export async function checkNameIsFree(kube: Kube, where: Named): Promise<void> {
  try {
    await kube.core.readNamespacedPod(where);
  } catch {
    // Free; or not to be seen, and then the answer to the creation tells.
    return;
  }
  throw nameTaken(where);
}

export const nameTaken = ({ namespace, name }: Named): UsageError =>
  new UsageError(`there is a pod ${name} in namespace ${namespace} already`, {
    hint: 'Another name: --name POD; without it, the new pod gets one of its own.',
  });
