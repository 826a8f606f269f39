import { Readable } from 'node:stream';
import type { Node } from '../../lib/cluster/node.js';
import type { Context } from '../../lib/core/context.js';
import { ToolkitError } from '../../lib/core/errors.js';
import { until } from '../../lib/core/until.js';
import { type CheckpointImage, describeImage, imageLayout, type NameOf } from './image.js';
import type { ImageName } from './name.js';

/** How long the runtime may take to notice an image, milliseconds. */
const NOTICED = { patienceMs: 10_000, everyMs: 50 };

/**
 * The name of an image that never leaves this machine: by what was checkpointed, and the archive's own digest, so that the same archive
 * is imported once.
 */
export function localImageName({ content, layer }: Parameters<NameOf>[0]): ImageName {
  const words = [content.namespace, content.pod, content.container ?? content.name].filter((word) => word !== undefined);
  const repository = `checkpoint/${words
    .join('-')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')}`;
  const tag = layer.digest.replace('sha256:', '').slice(0, 12);
  return { registry: 'localhost', repository, tag, full: `localhost/${repository}:${tag}` };
}

/**
 * Brings an archive as an image into the containerd of a node of this machine, from a stream; where it is there, nothing is copied.
 * Also sees to it that containerd finds the image which the container was made of, by the reference that the archive has.
 * @param archive path here
 * @returns the name of the image
 * @throws ToolkitError when the node lacks the container's image
 */
export async function importCheckpoint(ctx: Pick<Context, 'clock' | 'signal'>, node: Node, archive: string): Promise<string> {
  const image = await describeImage(archive, localImageName);
  await findBaseImage(node, image);
  const { full } = image.name;
  if ((await node.images(`name==${full}`)).length === 0) {
    const snapshotter = await snapshotterOf(node);
    await node.ctr(['images', 'import', '--local', `--snapshotter=${snapshotter}`, '-'], {
      inputStream: Readable.from(imageLayout(image)),
      failure: `the image of the checkpoint could not be imported into ${node.name}`,
    });
  }
  // Its CRI part hears of an image by an event, and then keeps it under the digest of its configuration, too.
  await until(
    ctx,
    `the runtime of ${node.name} notices the image ${full}`,
    () => node.images(`name==${image.config.digest}`),
    (found) => found.length > 0,
    NOTICED,
  );
  return full;
}

/**
 * containerd looks for the container's image by a digest: of the image's configuration, which is always a name, or of its manifest in a
 * repository. After an import that is a repository that was made up, under another name than the archive has: it is added.
 */
async function findBaseImage(node: Node, { content: { image, imageRef } }: CheckpointImage): Promise<void> {
  if (imageRef === '' || (await node.images(`name==${imageRef}`)).length > 0) return;
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(imageRef)?.[1];
  const held = digest === undefined ? [] : await node.images(`target.digest==${digest}`);
  const [known] = held;
  if (known === undefined)
    throw new ToolkitError(`node ${node.name} lacks the image that the container was made of`, {
      details: [`${image}, as ${imageRef}`],
      hint: `npm run image:load -- ${image}   brings one from Docker; it must be the very same.`,
    });
  await node.ctr(['images', 'tag', '--force', known, imageRef]);
}

/** The snapshotter that the CRI unpacks images with. */
async function snapshotterOf(node: Node): Promise<string> {
  const { stdout } = await node.run(['containerd', 'config', 'dump']);
  return /\[plugins\.['"]io\.containerd\.cri\.v1\.images['"]\]\s+snapshotter = ['"]([^'"]+)['"]/.exec(stdout)?.[1] ?? 'overlayfs';
}
