import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ToolkitError } from '../core/errors.js';

/** What make(1) and shell lines without quotes take for one word: they split at spaces, and `:`, `#`, `$` and `%` mean something. */
const PLAIN = /^[\w@+=,./-]+$/;

/**
 * Gives a build a folder whose path it can stand. It is the one wanted wherever that has a plain path; else one in the temporary
 * folder, removed afterwards.
 * @param wanted absolute
 * @param work gets the folder, which need not exist
 * @throws ToolkitError when the temporary folder has no plain path either
 */
export async function inPlainFolder<T>(wanted: string, work: (folder: string) => Promise<T>, temporary = tmpdir()): Promise<T> {
  if (PLAIN.test(wanted)) return work(wanted);
  if (!PLAIN.test(temporary))
    throw new ToolkitError(`${path.basename(wanted)} cannot be built in a path with spaces or other signs`, {
      details: [wanted, temporary],
      hint: 'Move the checkout to a plain path, or set TMPDIR to one.',
    });
  const parent = await mkdtemp(path.join(temporary, 'kind-checkpoint-build-'));
  try {
    return await work(path.join(parent, path.basename(wanted)));
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}
