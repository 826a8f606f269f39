import path from 'node:path';
import { checkpoint, type Reached } from '../checkpoint/checkpoint.js';
import { look, lookScript, readSight } from '../checkpoint/cleanup.js';
import type { Checkpoint } from '../checkpoint/node-archive.js';
import { type Brought, type FetchWay, withFolder } from '../checkpoint/node-folder.js';
import type { Route } from '../checkpoint/request.js';
import { chooseContainer, parsePod, type RunningContainer } from '../lib/cluster/pod.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError, UsageError } from '../lib/core/errors.js';
import { calling, httpStatus, type Kube } from '../lib/kube/client.js';
import { type NodeReach, reachNode, visitNode } from '../lib/kube/reach.js';
import { fetchTo, readOutput } from './fetch.js';
import type { RouteName } from './flags.js';

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
  const discovery = asked.via === undefined || asked.via === 'api' ? hasSubresource(kube) : undefined;
  // What is wrong with the pod comes first.
  discovery?.catch(() => undefined);
  const container = chooseContainer(await readPod(kube, asked.namespace, asked.pod), asked.container);
  const reach = (): Promise<NodeReach> => reachNode(ctx, kube, container.node);
  const route = await chooseRoute(ctx, kube, asked.via, reach, discovery);
  const make = (lookAt: () => Promise<Reached>): Promise<Checkpoint> =>
    checkpoint(ctx, container, { timeoutSeconds: asked.timeoutSeconds, route, lookAt });
  if (target === undefined)
    return { ...(await make(() => reachAndLook(ctx, kube, container))), container, via: route.kind, local: undefined };

  // The way to the archive first: none is made that then cannot be had.
  const reached = await reach();
  return withFolder(ctx, kube, reached, { way: asked.fetch, ...asked.helper, writable: false }, async (folder) => {
    const made = await make(async () =>
      reached.kind === undefined ? { outOfReach: reached.why } : { before: await look(ctx, container) },
    );
    try {
      const place = target(path.posix.basename(made.archive));
      const brought = await fetchTo(ctx, folder, made.archive, place);
      return { ...made, container, via: route.kind, local: { ...brought, ...place, by: folder.by } };
    } catch (error) {
      ctx.say(`the checkpoint was made; its archive is on node ${made.node}: ${made.archive}`);
      throw error;
    }
  });
}

/** Reaches the container's node and looks at it in the same breath. */
async function reachAndLook(ctx: Context, kube: Kube, container: RunningContainer): Promise<Reached> {
  const { reach, printed } = await visitNode(ctx, kube, container.node, lookScript(container));
  if (reach.kind === undefined) return { outOfReach: reach.why };
  return { before: printed === undefined ? await look(ctx, container) : readSight(printed, container) };
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
 * @param reach whether the node can be reached, asked where that matters
 * @param discovery whether the API server has the subresource, where that has been asked already
 * @throws UsageError when the one named cannot be asked
 */
export async function chooseRoute(
  ctx: Pick<Context, 'say'>,
  kube: Kube,
  via: RouteName | undefined,
  reach: () => Promise<NodeReach>,
  discovery?: Promise<boolean>,
): Promise<Route> {
  if (via === 'kubelet') {
    const { name, kind, why } = await reach();
    if (kind === undefined)
      throw new UsageError(`--via kubelet: node ${name} cannot be reached: ${why}`, {
        hint: 'This way is for kind nodes of this machine. Leave --via out, or: --via node-proxy',
      });
    return { kind: 'kubelet', cluster: kind.cluster };
  }
  if (via === 'node-proxy') return { kind: 'node-proxy', kube };
  if (await (discovery ?? hasSubresource(kube))) return { kind: 'api', kube };
  if (via === 'api')
    throw new UsageError('--via api: this API server has no pods/checkpoint', {
      details: [kube.server],
      hint: 'Leave --via out, or: --via node-proxy. The subresource comes with the patches in kubernetes/patches.',
    });
  ctx.say('this API server has no pods/checkpoint: asking the kubelet through the node proxy');
  return { kind: 'node-proxy', kube };
}
