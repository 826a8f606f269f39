import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Brought, Folder } from '../checkpoint/node-folder.js';
import { fetchArchive } from '../checkpoint/transfer.js';
import { transferProgress } from '../lib/cli/progress.js';
import type { Context } from '../lib/core/context.js';
import { UsageError } from '../lib/core/errors.js';

/** Output formats of kubectl: `-o` means something else there, and a file of such a name is hardly meant. */
const FORMATS = /^(json|yaml|wide|name|jsonpath=.*|custom-columns=.*|go-template=.*)$/;

/** Where an archive is to be written. */
export interface Target {
  /** Absolute; of a file. */
  readonly file: string;
}

/**
 * Works out where `-o` leads, before a checkpoint is made in vain: to a file, or into a folder under the archive's own name.
 * @returns gives the target when the archive has a name
 * @throws UsageError when nothing could be written there
 */
export async function readOutput(given: string): Promise<(name: string) => Target> {
  if (FORMATS.test(given))
    throw new UsageError(`--output: ${given} is an output format of kubectl`, {
      hint: `--output names the file for the archive here; for JSON: --json. If a file is meant: --output ./${given}`,
    });
  const target = path.resolve(given);
  const found = await stat(target).catch(() => undefined);
  const folder = found?.isDirectory() ? target : path.dirname(target);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw new UsageError(`--output: there is no folder ${folder}`);
  await access(folder, constants.W_OK).catch(() => {
    throw new UsageError(`--output: this user may not write into ${folder}`);
  });
  if (found?.isDirectory()) return (name) => ({ file: path.join(target, name) });
  if (given.endsWith('/')) throw new UsageError(`--output: there is no folder ${target}`);
  if (found !== undefined && !found.isFile()) throw new UsageError(`--output: ${target} is not an ordinary file`);
  return () => ({ file: target });
}

/** Brings an archive from its node into a local file, and shows how far it is. See `fetchArchive` of the room checkpoint. */
export function fetchTo(ctx: Context, folder: Folder, archive: string, { file }: Target): Promise<Brought> {
  return fetchArchive(ctx, folder, archive, file, (total) => transferProgress(ctx, path.basename(file), total));
}
