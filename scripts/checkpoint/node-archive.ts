import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Node } from '../lib/cluster/node.js';
import type { Context } from '../lib/core/context.js';
import { replace } from '../lib/core/files.js';

/** A checkpoint that was made. */
export interface Checkpoint {
  /** Path of the archive on its node. */
  readonly archive: string;
  readonly node: string;
  /** From the request to its answer, seconds. */
  readonly seconds: number;
}

/**
 * Copies an archive from a node of the toolkit's cluster to the host: whole or not at all, readable by its owner alone, for it
 * holds the memory of the process and its secrets.
 * @returns path on the host
 */
export async function takeArchive(
  ctx: Context,
  { archive, node }: Pick<Checkpoint, 'archive' | 'node'>,
  target = path.join(ctx.paths.archives, path.posix.basename(archive)),
): Promise<string> {
  await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
  await replace(target, async (temporary) => {
    await bringArchive(new Node(ctx.runner, node), archive, temporary);
  });
  return target;
}

/** Copies an archive from its node into a file of the host, for its owner alone. */
export async function bringArchive(node: Node, archive: string, target: string): Promise<void> {
  await node.bring(archive, target, { failure: 'the archive could not be copied from its node' });
  await chmod(target, 0o600);
}

/** Removes an archive from its node. */
export async function removeArchive(ctx: Pick<Context, 'runner'>, { archive, node }: Pick<Checkpoint, 'archive' | 'node'>): Promise<void> {
  await new Node(ctx.runner, node).remove(archive);
}
