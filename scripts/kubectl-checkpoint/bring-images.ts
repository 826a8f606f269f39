import { describeImage } from '../checkpoint/image/image.js';
import { readImageName } from '../checkpoint/image/name.js';
import type { NodeImage } from '../checkpoint/image/pod.js';
import { pushImage } from '../checkpoint/image/registry.js';
import { importCheckpoint } from '../checkpoint/image/to-node.js';
import type { RestoreArchive } from '../checkpoint/restore-source.js';
import { Node } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';
import type { Kube } from '../lib/kube/client.js';
import { reached, withFile } from './bring-archives.js';
import type { Access } from './list.js';

/** What images are made of, and where they go. */
export interface ImagesWanted {
  readonly node: string;
  readonly archives: readonly RestoreArchive[];
  /** Where they are pushed to, without a tag; undefined: they are laid into the node, which must be a container here. */
  readonly repository: string | undefined;
}

/**
 * Refuses a node that images cannot get to, before anything is made.
 * @throws UsageError that says what is missing
 */
export async function checkImagesArrive(
  ctx: Context,
  kube: Kube,
  access: Pick<Access, 'way'>,
  { node, repository }: Pick<ImagesWanted, 'node' | 'repository'>,
): Promise<void> {
  if (repository !== undefined) return;
  const { kind, why } = await reached(ctx, kube, access.way, node);
  if (kind !== undefined) return;
  throw new UsageError(`node ${node} restores from images, which get there only through a registry`, {
    details: [`It cannot be looked into: ${why}.`],
    hint: 'Name a repository that you may push to, and the node may pull from: --repository REGISTRY/NAME',
  });
}

/** Makes images of archives, and brings them to a node or to where it can pull them. They stay: a container that ends starts from them again. */
export async function bringImages(
  ctx: Context,
  kube: Kube,
  access: Access,
  { node, archives, repository }: ImagesWanted,
): Promise<Record<string, NodeImage>> {
  const images: Record<string, NodeImage> = {};
  for (const archive of archives)
    await withFile(ctx, kube, access, archive, async (file) => {
      images[archive.container] =
        repository === undefined
          ? { image: await importCheckpoint(ctx, new Node(ctx.runner, node), file), imagePullPolicy: 'Never' }
          : { image: await push(ctx, repository, file), imagePullPolicy: 'IfNotPresent' };
    });
  return images;
}

/** @returns its name */
async function push(ctx: Context, repository: string, file: string): Promise<string> {
  const image = await describeImage(file, ({ layer }) =>
    readImageName(`${repository}:${layer.digest.replace('sha256:', '').slice(0, 12)}`),
  );
  await pushImage(ctx, image);
  return image.name.full;
}
