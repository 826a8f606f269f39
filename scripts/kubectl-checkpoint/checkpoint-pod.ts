import path from 'node:path';
import { checkpoint, type Route } from '../checkpoint/checkpoint.js';
import type { Checkpoint } from '../checkpoint/node-archive.js';
import { chooseContainer, parsePod, type RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError, UsageError } from '../lib/core/errors.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import { type NodeReach, reachNode } from '../lib/kube/reach.js';
import type { RouteName } from './arguments.js';
import { fetchArchive, readOutput } from './fetch.js';
import { type Brought, type FetchWay, withFolder } from './folder.js';

/** A checkpoint as the user asked for it. */
export interface PodCheckpoint {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string | undefined;
  /** Seconds. */
  readonly timeoutSeconds: number;
  readonly via: RouteName | undefined;
  /** Where the archive is to be brought; undefined: it stays on its node. */
  readonly output: string | undefined;
  readonly fetch: FetchWay;
  readonly helper: { readonly namespace: string; readonly image: string };
}

/** What was made. */
export interface Made extends Checkpoint {
  readonly container: RunningContainer;
  readonly via: RouteName;
  readonly local: (Brought & { readonly file: string; readonly by: 'docker' | 'pod' }) | undefined;
}

/** Checkpoints a container of a pod of any cluster, and brings the archive here when that is asked for. */
export async function checkpointPod(ctx: Context, kube: Kube, asked: PodCheckpoint): Promise<Made> {
  const target = asked.output === undefined ? undefined : await readOutput(asked.output);
  const container = chooseContainer(await readPod(kube, asked.namespace, asked.pod), asked.container);
  const reach = await reachNode(ctx, kube, container.node);
  const route = await chooseRoute(ctx, kube, asked.via, reach);
  const make = async (): Promise<Checkpoint> =>
    checkpoint(ctx, container, {
      timeoutSeconds: asked.timeoutSeconds,
      route,
      outOfReach: reach.kind === undefined ? reach.why : undefined,
    });
  if (target === undefined) return { ...(await make()), container, via: route.kind, local: undefined };

  // The way to the archive first: none is made that then cannot be had.
  return withFolder(ctx, kube, reach, { way: asked.fetch, ...asked.helper, writable: false }, async (folder) => {
    const made = await make();
    try {
      const place = target(path.posix.basename(made.archive));
      const brought = await fetchArchive(ctx, folder, made.archive, place);
      return { ...made, container, via: route.kind, local: { ...brought, ...place, by: folder.by } };
    } catch (error) {
      ctx.say(`the checkpoint was made; its archive is on node ${made.node}: ${made.archive}`);
      throw error;
    }
  });
}

async function readPod(kube: Kube, namespace: string, name: string): Promise<ReturnType<typeof parsePod>> {
  try {
    return parsePod(
      await calling(kube, `pod ${namespace}/${name} could not be read`, () => kube.core.readNamespacedPod({ namespace, name })),
    );
  } catch (error) {
    if (httpStatus(error) !== 404) throw error;
    throw new ToolkitError(`there is no pod ${name} in the namespace ${namespace}`, {
      details: [`context: ${kube.context}`],
      hint: 'Name another namespace: --namespace NS',
      cause: error,
    });
  }
}

/** True when the API server has the subresource `pods/checkpoint`. */
export async function hasSubresource(kube: Kube): Promise<boolean> {
  const { resources } = await calling(kube, 'the API server’s resources could not be listed', () => kube.core.getAPIResources());
  return resources.some(({ name, verbs }) => name === 'pods/checkpoint' && verbs.includes('create'));
}

/**
 * Whom to ask: who was named, else the subresource where the API server has it, else the kubelet through the node proxy.
 * @throws UsageError when the one named cannot be asked
 */
export async function chooseRoute(ctx: Pick<Context, 'say'>, kube: Kube, via: RouteName | undefined, reach: NodeReach): Promise<Route> {
  if (via === 'kubelet') {
    if (reach.kind === undefined)
      throw new UsageError(`--via kubelet: node ${reach.name} cannot be reached: ${reach.why}`, {
        hint: 'This way is for kind nodes of this machine. Leave --via out, or: --via node-proxy',
      });
    return { kind: 'kubelet', cluster: reach.kind.cluster };
  }
  if (via === 'node-proxy') return { kind: 'node-proxy', kube };
  if (await hasSubresource(kube)) return { kind: 'api', kube };
  if (via === 'api')
    throw new UsageError('--via api: this API server has no pods/checkpoint', {
      details: [kube.server],
      hint: 'Leave --via out, or: --via node-proxy. The subresource comes with the patches in kubernetes/patches.',
    });
  ctx.say('this API server has no pods/checkpoint: asking the kubelet through the node proxy');
  return { kind: 'node-proxy', kube };
}
