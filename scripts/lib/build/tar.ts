import { createReadStream, createWriteStream, type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { formatBytes } from '../core/bytes.js';
import type { Context } from '../core/context.js';
import type { Tell } from './go-progress.js';

/** GNU tar writes records of this size, bytes, and says so after so many of them (tar(1), --checkpoint). */
const RECORD = 10_240;
const RECORDS = 1000;

/**
 * Packs files into a tar archive whose bytes depend on their names, content and executable bits alone: not on who built them, nor when.
 * @param members in this order; folders are packed whole, sorted by name
 * @param tell is told how far it is, by the bytes that go in
 */
export async function packTar(
  ctx: Pick<Context, 'runner'>,
  target: string,
  folder: string,
  members: readonly string[],
  tell?: Tell,
): Promise<void> {
  const same = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u+rw,go+r,go-w', '--format=gnu'];
  await ctx.runner.run(
    'tar',
    [
      '--create',
      ...same,
      ...(tell === undefined ? [] : [`--checkpoint=${RECORDS}`, '--checkpoint-action=echo=%u']),
      '--file',
      target,
      '--directory',
      folder,
      ...members,
    ],
    {
      failure: 'an archive could not be packed',
      ...(tell === undefined
        ? {}
        : { onEachLine: followTar(tell, await sizeOf(members.map((member) => path.join(folder, member)))), isProgress }),
    },
  );
}

/** A file as gzip has it (RFC 1952), not made smaller: for what asks for gzip and unpacks it again at once. */
export async function wrapInGzip(source: string, target: string): Promise<void> {
  const highWaterMark = 1024 * 1024;
  await pipeline(
    createReadStream(source, { highWaterMark }),
    createGzip({ level: constants.Z_NO_COMPRESSION, chunkSize: highWaterMark }),
    createWriteStream(target),
  );
}

const CHECKPOINT = /^tar: (\d+)$/;
const isProgress = (line: string): boolean => CHECKPOINT.test(line);

function followTar(tell: Tell, total: number): (line: string) => void {
  return (line) => {
    const bytes = Number(CHECKPOINT.exec(line)?.[1] ?? Number.NaN) * RECORD;
    if (bytes > 0 && total > 0) tell(bytes / total, `${formatBytes(Math.min(bytes, total))} of ${formatBytes(total)}`);
  };
}

/** Bytes of all files in these, folders with all that they hold. */
async function sizeOf(targets: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    targets.map(async (target) => {
      const found = await stat(target);
      if (!found.isDirectory()) return found.size;
      const entries: Dirent[] = await readdir(target, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
      return await sizeOf(files);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
