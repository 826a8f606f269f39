import semver from 'semver';
import type { Context } from '../lib/core/context.js';
import type { Kube } from '../lib/kube/client.js';
import type { NodeObject } from '../lib/kube/core.js';
import { visitNode } from '../lib/kube/reach.js';

/** How the runtime of a node restores. */
export type RestoreWay =
  /** By an annotation of the pod that names an archive in the node's checkpoint folder: the containerd of this toolkit. */
  | { readonly kind: 'annotation' }
  /** From an image that is made of the archive. */
  | { readonly kind: 'image' /** What might be in the way, and cannot be seen from here. */; readonly doubt?: string }
  | { readonly kind: 'none'; readonly why: string; readonly hint?: string };

/** How our containerd says that it goes by annotations: in the build metadata of its version. */
const GOES_BY_ANNOTATIONS = 'checkpoint';
/** The switch of those that have one, in the CRI part of containerd's configuration (docs/cri/config.md there). */
const SWITCH = 'enable_experimental_restore_via_create';
/** Releases of containerd that restore unasked, and those that have the switch, off by default. */
const UNASKED = '>=2.1.0 <2.2.7 || >=2.3.0 <2.3.4';
const SWITCHED = '>=2.2.7 <2.3.0 || >=2.3.4 <2.4.0';

/**
 * How a runtime restores, by what it says of itself.
 * @param runtime as the node's status has it, e.g. `containerd://2.3.3`
 * @param config what `containerd config dump` prints on the node; undefined where the node cannot be looked into
 */
export function restoreWay(runtime: string, config?: string): RestoreWay {
  const [name = '', version = ''] = runtime.split('://');
  if (name === 'cri-o')
    return { kind: 'image', doubt: 'CRI-O restores unless it was built or configured to checkpoint only, which cannot be seen from here' };
  // Distributions put more behind it than semver knows.
  const release = semver.coerce(version);
  const [, build = ''] = version.split('+');
  if (name !== 'containerd' || release === null) return { kind: 'none', why: `its runtime is ${runtime}, which is not known to restore` };
  if (build.split('.').includes(GOES_BY_ANNOTATIONS)) return { kind: 'annotation' };
  const told = config === undefined ? undefined : new RegExp(`^\\s*${SWITCH} = (true|false)`, 'm').exec(config)?.[1];
  if (told === 'true') return { kind: 'image' };
  const off = {
    why: `its containerd ${version} does not restore: ${SWITCH} is off`,
    hint: `Turn it on in containerd’s configuration on the node, and restart containerd.`,
  };
  if (told === 'false') return { kind: 'none', ...off };
  if (semver.satisfies(release, UNASKED)) return { kind: 'image' };
  if (semver.satisfies(release, SWITCHED))
    return config === undefined
      ? { kind: 'image', doubt: `containerd ${version} restores only where ${SWITCH} is on, which cannot be seen from here` }
      : { kind: 'none', ...off };
  return { kind: 'none', why: `its containerd ${version} does not restore: released ones do from 2.1 to 2.3` };
}

/** Asks a node how its runtime restores: by its status, and by containerd's own configuration where the node is a container here. */
export async function askRestoreWay(ctx: Pick<Context, 'runner' | 'signal'>, kube: Kube, node: NodeObject): Promise<RestoreWay> {
  const runtime = node.status?.nodeInfo?.containerRuntimeVersion ?? 'unknown';
  const byStatus = restoreWay(runtime);
  if (byStatus.kind !== 'image') return byStatus;
  const { printed } = await visitNode(ctx, kube, node, { text: 'containerd config dump 2>/dev/null', args: [] });
  return restoreWay(runtime, printed);
}
