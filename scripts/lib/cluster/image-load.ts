import { imageId } from '../build/docker-image.js';
import type { Context } from '../core/context.js';
import { ToolkitError, UsageError } from '../core/errors.js';
import { runKind } from './kind.js';
import { kubernetesNodes, Node } from './node.js';

/** What became of an image. */
export interface Loaded {
  readonly image: string;
  readonly id: string;
  /** Nodes that it was sent to; none when all had it. */
  readonly sentTo: readonly string[];
}

/**
 * Brings images from the Docker engine to all nodes through kind, and verifies that they are there.
 * @throws UsageError when the engine has no such image; ToolkitError when a node lacks it afterwards
 */
export async function loadImage(ctx: Context, image: string): Promise<Loaded> {
  const { clusterName } = ctx.options;
  const id = await imageId(ctx, image);
  if (id === undefined) throw new UsageError(`Docker has no image ${image}`, { hint: 'docker images   lists what there is.' });
  const nodes = await kubernetesNodes(ctx, clusterName);
  if (nodes.length === 0) throw new UsageError(`there is no cluster ${clusterName}`, { hint: 'npm run cluster:up' });
  const lacking = async (): Promise<string[]> => {
    const held = await Promise.all(nodes.map(async ({ name }) => [name, await holds(new Node(ctx.runner, name), image, id)] as const));
    return held.filter(([, there]) => !there).map(([name]) => name);
  };
  const sentTo = await lacking();
  if (sentTo.length === 0) return { image, id, sentTo };
  await runKind(ctx, ['load', 'docker-image', image, '--name', clusterName, '--nodes', sentTo.join(',')], {
    failure: `kind could not load ${image}`,
  });
  const still = await lacking();
  if (still.length > 0) throw new ToolkitError(`${image} is not on ${still.join(', ')} after it was loaded`);
  return { image, id, sentTo };
}

/** The full name that containerd knows an image by: docker.io and library are left out in Docker only. */
export function fullImageName(image: string): string {
  const tagged = /:[^/]+$/.test(image) ? image : `${image}:latest`;
  const [first = '', ...rest] = tagged.split('/');
  if (rest.length === 0) return `docker.io/library/${tagged}`;
  return /[.:]/.test(first) || first === 'localhost' ? tagged : `docker.io/${tagged}`;
}

/**
 * True when the node has this very image: the name must stand for the same content as the ID. The CRI knows each image by the digest
 * of its configuration. Where the engine keeps its images in containerd, the ID is what the name points to itself.
 */
async function holds(node: Node, image: string, id: string): Promise<boolean> {
  const name = fullImageName(image);
  const [byName, byId] = await Promise.all([targetOf(node, name), targetOf(node, id)]);
  return byName !== undefined && (byName === byId || byName === id);
}

async function targetOf(node: Node, name: string): Promise<string | undefined> {
  if ((await node.images(`name==${name}`)).length === 0) return undefined;
  const { stdout } = await node.ctr(['images', 'ls', `name==${name}`]);
  return stdout
    .split('\n')
    .find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}\t`))
    ?.split(/\s+/)
    .find((word) => word.startsWith('sha256:') && word !== name);
}
