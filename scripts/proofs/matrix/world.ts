import { checkpoint } from '../../checkpoint/checkpoint.js';
import { bringToNode, podOfImages, restoredPod } from '../../checkpoint/restore.js';
import type { RestoreRoute } from '../../lib/cluster/profile.js';
import type { Context } from '../../lib/core/context.js';
import { readRestoredCount } from '../../workloads/counter.js';
import { imageOf } from '../restore/by-image.js';
import { countsOnPast } from '../restore/counts.js';
import { counter, pod, remove, start } from '../restore/pods.js';
import { container, MAIN, SOME } from '../restore/proof.js';

/** A pod as it is applied. */
export type Source = ReturnType<typeof pod>;

/** The way from a checkpoint to a container that starts from it, between two nodes of a cluster, as its runtime has it. */
export interface World {
  readonly ctx: Context;
  readonly route: Exclude<RestoreRoute, 'none'>;
  readonly from: string;
  /** Another node, where there is one. */
  readonly to: string;
}

/** Pods of a behaviour, by the name that they have in common. */
export interface Pods {
  /** The one that is checkpointed. */
  readonly old: string;
  /** The one that starts from the checkpoint. */
  readonly restored: string;
}

export const podsOf = (id: string): Pods => ({ old: `${id}-old`, restored: `${id}-new` });

/** A pod whose container `main` runs a script and counts. */
export function counting(
  { ctx, from }: World,
  id: string,
  script = '',
  more: Record<string, unknown> = {},
  spec: Record<string, unknown> = {},
): Source {
  const command = ['sh', '-c', `${script}\ni=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done`];
  return pod(podsOf(id).old, from, [counter(ctx, MAIN, { command, ...more })], spec);
}

/** Starts a pod, and waits until its containers have counted a while. */
export async function started({ ctx }: World, source: Source, containers: readonly string[] = [MAIN]): Promise<Source> {
  await start(ctx, source);
  for (const which of containers) await countsOnPast(ctx, source.metadata.name, SOME, which);
  return source;
}

/** What containers are restored from, by container: archives on the target, or images there. */
export type Made = Readonly<Record<string, string>>;

/** Checkpoints containers of a pod, and brings what is made to the target. */
export async function checkpointed({ ctx, route, to }: World, name: string, containers: readonly string[] = [MAIN]): Promise<Made> {
  const made: Record<string, string> = {};
  for (const which of containers)
    made[which] =
      route === 'image'
        ? await imageOf(ctx, name, to, which)
        : await bringToNode(ctx, await checkpoint(ctx, await container(ctx, name, which)), to);
  return made;
}

/** Starts a pod from checkpoints, and waits until its containers have gone on counting. */
export async function restored({ ctx, route, to }: World, source: Source, name: string, made: Made, restores = 1): Promise<void> {
  await start(ctx, route === 'image' ? podOfImages(source, name, to, made) : restoredPod(source, name, to, made));
  for (const which of Object.keys(made))
    await countsOnPast(ctx, name, SOME + 5, which, route === 'image' ? (output) => readRestoredCount(output, restores) : undefined);
}

/** All of it: a pod starts, its container is checkpointed, and another pod starts from that. */
export async function moved(world: World, id: string, source: Source, containers: readonly string[] = [MAIN]): Promise<void> {
  await started(world, source, containers);
  await restored(world, source, podsOf(id).restored, await checkpointed(world, podsOf(id).old, containers));
}

/** Removes the pods of a behaviour, those that there are. */
export async function removed({ ctx }: World, id: string, ...more: readonly string[]): Promise<void> {
  await remove(ctx, '--ignore-not-found', podsOf(id).old, podsOf(id).restored, ...more);
}
