import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** SHA-256 of a text, hexadecimal. */
export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

/** SHA-256 of a file, hexadecimal, without holding it in memory. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Hash over a file or a folder: names, content, executable bits. An absent one hashes as such. */
export async function hashTree(target: string): Promise<string> {
  const found = await lstat(target).catch(() => undefined);
  if (found === undefined) return 'absent';
  if (found.isSymbolicLink()) return sha256(`link ${await readlink(target)}`);
  if (found.isDirectory()) {
    const names = (await readdir(target)).sort();
    const lines = await Promise.all(names.map(async (name) => `${name} ${await hashTree(path.join(target, name))}`));
    return sha256(`folder\n${lines.join('\n')}`);
  }
  return sha256(Buffer.concat([Buffer.from((found.mode & 0o111) === 0 ? 'file\n' : 'program\n'), await readFile(target)]));
}
