import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type FetchWay, inFolder, withFolder } from '../checkpoint/node-folder.js';
import { stemFor } from '../checkpoint/restore-plan.js';
import { type ArchivePlace, placeText, type RestoreArchive, readLocalArchive, readNodeArchive } from '../checkpoint/restore-source.js';
import { fetchArchive, placeInFolder } from '../checkpoint/transfer.js';
import { transferProgress } from '../lib/cli/progress.js';
import type { Context } from '../lib/core/context.js';
import { messageOf } from '../lib/core/errors.js';
import { makeFolder } from '../lib/core/files.js';
import { holdLock } from '../lib/core/lock.js';
import type { Kube } from '../lib/kube/client.js';
import { notAsked, reachNode } from '../lib/kube/reach.js';
import type { Access } from './list.js';

/** An archive in the checkpoint folder of the node where its container is to be restored. */
export interface ReadyArchive {
  readonly container: string;
  /** Its name there. */
  readonly name: string;
  /** What was brought there; undefined: it had been there. */
  readonly brought: { readonly bytes: number; readonly sha256: string } | undefined;
}

/** Reads archives, wherever they are. In the order of the places. @throws ToolkitError, UsageError that name the one */
export async function readArchives(ctx: Context, kube: Kube, access: Access, places: readonly ArchivePlace[]): Promise<RestoreArchive[]> {
  // What lies here first: what is wrong with that needs no cluster to be told.
  const read = new Map<ArchivePlace, RestoreArchive>();
  for (const place of places) if ('file' in place) read.set(place, await readLocalArchive(place.file));
  const nodes = new Set(places.flatMap((place) => ('node' in place ? [place.node] : [])));
  for (const node of nodes)
    await withFolder(ctx, kube, await reached(ctx, kube, access.way, node), { ...access, writable: false }, async (folder) => {
      for (const place of places) if ('node' in place && place.node === node) read.set(place, await readNodeArchive(folder, place.name));
    });
  return places.map((place) => read.get(place) as RestoreArchive);
}

/** Whether the node is a container here matters only where Docker may be used. */
export const reached = (ctx: Context, kube: Kube, way: FetchWay, node: string): ReturnType<typeof reachNode> =>
  way === 'pod' ? Promise.resolve(notAsked(node)) : reachNode(ctx, kube, node);

/**
 * Brings archives into the checkpoint folder of a node, those that are not there, and does something with them. What was brought is
 * removed afterwards, whatever happens: the runtime has taken what it needs, and memory with its secrets is not left about.
 * @param suffix what makes the names of copies nobody else's
 */
export async function withArchivesOn<T>(
  ctx: Context,
  kube: Kube,
  access: Access,
  { node, archives, suffix }: { readonly node: string; readonly archives: readonly RestoreArchive[]; readonly suffix: string },
  act: (ready: readonly ReadyArchive[]) => Promise<T>,
): Promise<T> {
  const there = ({ place }: RestoreArchive): boolean => 'node' in place && place.node === node;
  const asTheyAre = archives
    .filter(there)
    .map(({ container, place }) => ({ container, name: 'node' in place ? place.name : '', brought: undefined }));
  const away = archives.filter((archive) => !there(archive));
  if (away.length === 0) return act(asTheyAre);
  return withFolder(ctx, kube, await reached(ctx, kube, access.way, node), { ...access, writable: true }, async (folder) => {
    const ready: ReadyArchive[] = [];
    const place = async (archive: RestoreArchive, file: string, fileName: string): Promise<void> => {
      const stem = stemFor(fileName);
      const names = { usual: `${stem}.tar`, copy: `${stem}-${suffix}.tar` };
      const release = await holdLock(path.join(ctx.paths.locks, `place-${stem}`), ctx);
      try {
        const progressOf = (total: number): ReturnType<typeof transferProgress> => transferProgress(ctx, `${fileName} to ${node}`, total);
        const { name, brought, bytes, sha256 } = await placeInFolder(ctx, folder, file, names, progressOf);
        ready.push({ container: archive.container, name, brought: brought ? { bytes, sha256 } : undefined });
      } finally {
        await release();
      }
    };
    try {
      for (const archive of away) await withFile(ctx, kube, access, archive, (file, name) => place(archive, file, name));
      return await act([...asTheyAre, ...ready]);
    } finally {
      const copies = ready.filter(({ brought }) => brought !== undefined).map(({ name }) => inFolder(name));
      if (copies.length > 0)
        await folder
          .discard(...copies)
          .catch((error: unknown) =>
            ctx.say(`what was brought to node ${node} could not be removed: ${copies.join(', ')} (${messageOf(error)})`),
          );
    }
  });
}

/** An archive as a file here: one that is on a node is brought here for as long as it is needed. */
export async function withFile(
  ctx: Context,
  kube: Kube,
  access: Access,
  { place }: RestoreArchive,
  act: (file: string, name: string) => Promise<void>,
): Promise<void> {
  if ('file' in place) return act(place.file, path.basename(place.file));
  const folder = await makeFolder(ctx.paths.tmp, 'archive-');
  try {
    const file = path.join(folder, 'archive.tar');
    const from = await reached(ctx, kube, access.way, place.node);
    await withFolder(ctx, kube, from, { ...access, writable: false }, (there) =>
      fetchArchive(ctx, there, inFolder(place.name), file, (total) => transferProgress(ctx, `${placeText(place)} here`, total)),
    );
    await act(file, place.name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
