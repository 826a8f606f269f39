import { rm } from 'node:fs/promises';
import path from 'node:path';
import { archiveFolder } from '../lib/cluster/kubelet.js';
import { Node } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { makeFolder } from '../lib/core/files.js';
import { restoreAnnotation } from './annotations.js';
import { type Checkpoint, takeArchive } from './node-archive.js';

/** A pod as it is applied, as far as a restore changes it. */
export interface PodManifest {
  readonly apiVersion: 'v1';
  readonly kind: 'Pod';
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly nodeName?: string; readonly containers: readonly unknown[] };
}

/**
 * The same pod, whose containers start from archives instead of from their images.
 * @param archives name of the archive in the node's checkpoint folder, by container
 */
export function restoredPod<P extends PodManifest>(pod: P, name: string, node: string, archives: Readonly<Record<string, string>>): P {
  const annotations = Object.fromEntries(Object.entries(archives).map(([container, archive]) => [restoreAnnotation(container), archive]));
  return {
    ...pod,
    metadata: { ...pod.metadata, name, annotations: { ...pod.metadata.annotations, ...annotations } },
    spec: { ...pod.spec, nodeName: node },
  };
}

/**
 * The same pod, of whose containers those named have images of checkpoints in place of their own: how a stock containerd restores them.
 * @param images name of an image that is on the node, by container
 */
export function podOfImages<P extends PodManifest>(pod: P, name: string, node: string, images: Readonly<Record<string, string>>): P {
  const containers = pod.spec.containers.map((container) => {
    const image = images[(container as { readonly name: string }).name];
    return image === undefined ? container : { ...(container as object), image, imagePullPolicy: 'Never' };
  });
  return { ...pod, metadata: { ...pod.metadata, name }, spec: { ...pod.spec, nodeName: node, containers } };
}

/**
 * Brings an archive into the checkpoint folder of another node of the toolkit's cluster, for root alone. Where it is there already,
 * nothing is copied.
 * @returns its name there
 */
export async function bringToNode(ctx: Context, { archive, node }: Pick<Checkpoint, 'archive' | 'node'>, target: string): Promise<string> {
  const name = path.posix.basename(archive);
  if (node === target) return name;
  const folder = await makeFolder(ctx.paths.tmp, 'archive-');
  try {
    const file = await takeArchive(ctx, { archive, node }, path.join(folder, 'archive.tar'));
    await placeArchive(ctx, file, target, name);
    return name;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lays a file of the host into a node's checkpoint folder: whole or not at all, for root alone. */
export async function placeArchive(ctx: Pick<Context, 'runner'>, file: string, node: string, name: string): Promise<void> {
  const target = new Node(ctx.runner, node);
  const place = `${archiveFolder}/${name}`;
  await target.run(['mkdir', '-p', '-m', '0700', archiveFolder]);
  await target.send(file, `${place}.part`);
  await target.run(['sh', '-c', 'chown root:root "$1" && chmod 0600 "$1" && mv "$1" "$2"', 'sh', `${place}.part`, place]);
}
