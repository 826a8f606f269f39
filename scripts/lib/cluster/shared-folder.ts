import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../core/context.js';
import { messageOf, ToolkitError } from '../core/errors.js';
import { writeAtomically } from '../core/files.js';
import { shellWord } from '../core/shell.js';
import { archiveFolder } from './kubelet.js';
import { Node, nodeContainers } from './node.js';

/** Where the nodes of a cluster see the folder of this machine that they share: what one checkpoints into it, another restores from it. */
export const sharedArchiveFolder = `${archiveFolder}/shared`;

type Where = Pick<Context, 'paths' | 'options' | 'runner'>;

const sharedFolderOf = ({ paths, options }: Pick<Context, 'paths' | 'options'>): string => path.join(paths.shared, options.clusterName);

/** Makes the folder for a cluster that is to be created. By its ID two nodes know whether they see the same. @returns its path */
export async function makeSharedFolder(ctx: Where): Promise<string> {
  const folder = sharedFolderOf(ctx);
  await removeSharedFolder(ctx);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeAtomically(path.join(folder, 'id'), `${randomUUID()}\n`);
  return folder;
}

/** Empties it while there is a node: what nodes put there is root's, and a user without root's rights cannot remove it later. */
export async function emptySharedFolder(ctx: Where): Promise<void> {
  const running = (await nodeContainers(ctx, ctx.options.clusterName)).find(({ state, role }) => state === 'running' && role !== '');
  if (running === undefined) return;
  await new Node(ctx.runner, running.name).run(['find', sharedArchiveFolder, '-mindepth', '1', '-delete'], { accept: true });
}

/** Removes it, when its cluster is gone. @throws ToolkitError that says how, where this user may not */
export async function removeSharedFolder(ctx: Where): Promise<void> {
  const folder = sharedFolderOf(ctx);
  await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
    throw new ToolkitError(`the folder that the nodes of cluster ${ctx.options.clusterName} shared could not be removed`, {
      details: [messageOf(error)],
      hint: `What nodes put there is root’s: sudo rm -r ${shellWord(folder)}`,
    });
  });
}
