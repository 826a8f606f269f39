import { access, constants, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Progress, transferProgress } from '../lib/cli/progress.js';
import type { Context } from '../lib/core/context.js';
import { ToolkitError, UsageError } from '../lib/core/errors.js';
import { replace } from '../lib/core/files.js';
import { type Brought, type Folder, sumOnNode } from './folder.js';

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

/**
 * Brings an archive from its node into a local file: complete, proven by size and SHA-256 taken on both sides, or not at all; and
 * readable by its owner alone, for it holds the memory of the process.
 */
export async function fetchArchive(
  ctx: Context,
  folder: Folder,
  archive: string,
  { file }: Target,
  progressOf: (total: number) => Progress = (total) => transferProgress(ctx, path.basename(file), total),
): Promise<Brought> {
  const total = Number((await folder.run(['stat', '-c', '%s', archive])).trim());
  const progress = progressOf(total);
  let brought: Brought | undefined;
  try {
    await replace(file, async (temporary) => {
      // Both to their ends, so that nothing writes any more to what is removed after a failure.
      const both = await Promise.allSettled([sumOnNode(folder, archive), folder.bring(archive, temporary, progress)]);
      const [there, here] = both.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason;
        return outcome.value;
      }) as [Brought, Brought];
      if (there.bytes !== here.bytes || there.sha256 !== here.sha256) throw mutilated(folder.node, archive, there, here);
      brought = here;
    });
  } finally {
    progress.end();
  }
  if (brought === undefined) throw new TypeError('the archive was neither brought nor refused');
  return brought;
}

function mutilated(node: string, archive: string, there: Brought, here: Brought): ToolkitError {
  return new ToolkitError('the archive did not arrive as it is on its node', {
    details: [
      `on ${node}: ${there.bytes} bytes, SHA-256 ${there.sha256}`,
      `here: ${here.bytes} bytes, SHA-256 ${here.sha256}`,
      `it is still there: ${archive}`,
    ],
    hint: 'Was it overwritten meanwhile? Make another checkpoint.',
  });
}
