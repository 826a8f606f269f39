import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
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

/**
 * Hash over a file or a folder: names, content, executable bits. An absent one hashes as such. For what a checkout holds: small files,
 * of which every run reads some dozens. One at a time they take a third of what they take side by side.
 */
export function hashTree(target: string): string {
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (found === undefined) return 'absent';
  if (found.isSymbolicLink()) return sha256(`link ${readlinkSync(target)}`);
  if (found.isDirectory()) {
    const lines = readdirSync(target)
      .sort()
      .map((name) => `${name} ${hashTree(path.join(target, name))}`);
    return sha256(`folder\n${lines.join('\n')}`);
  }
  return sha256(Buffer.concat([Buffer.from((found.mode & 0o111) === 0 ? 'file\n' : 'program\n'), readFileSync(target)]));
}
