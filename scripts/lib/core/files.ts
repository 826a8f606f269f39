import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isAlive } from './process.js';

/** Content of a text file, or undefined when there is none. */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** As {@link readIfThere}, at once: for small files, which takes a third of the time. */
export function readNowIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes a file under a temporary name beside it and renames it, so that it is whole or not there. */
export async function writeAtomically(file: string, content: string | Uint8Array, mode?: number): Promise<void> {
  await replace(file, async (temporary) => {
    await writeFile(temporary, content);
    if (mode !== undefined) await chmod(temporary, mode);
  });
}

/**
 * Makes a file or folder under a temporary name beside its place and renames it there when `make` has succeeded. A former one
 * is replaced. What a failed `make` left is removed.
 */
export async function replace(target: string, make: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  const temporary = `${target}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await make(temporary);
    await rename(temporary, target).catch(async (error: NodeJS.ErrnoException) => {
      // A folder cannot be renamed over one that holds something.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EISDIR' && error.code !== 'ENOTDIR') throw error;
      await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
    });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Hard-links a file where that is possible: large ones are not copied needlessly. */
export async function linkOrCopy(source: string, target: string): Promise<void> {
  await link(source, target).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV' && error.code !== 'EPERM') throw error;
    await copyFile(source, target);
  });
}

/** Makes a new folder whose name begins with `prefix`; the folder above it too. */
export async function makeFolder(above: string, prefix: string): Promise<string> {
  await mkdir(above, { recursive: true });
  return await mkdtemp(path.join(above, prefix));
}

/** Removes what a killed {@link replace} left in a folder. What cannot be removed stays: it is in nobody's way. */
export async function removeHalfMade(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((entry) => /\.[0-9a-f]{8}\.tmp$/.test(entry)))
    await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined);
}

/**
 * Removes what runs left that are gone. What a killed run had started may still be at work in its folder: it cannot meddle with
 * the next run, which has another one.
 * @param folder one folder a process, named by its ID
 */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(name);
    if (!(pid > 0) || pid === process.pid || !isAlive(pid)) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}
