// What the program is made of, and the key that stands for it. Plain Node, and quick: every start passes here.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';

/** What decides beside the sources how they are bundled. */
const BESIDE = ['package.json', 'package-lock.json', 'tsconfig.json'];

/**
 * The content of every file that has a part in the program, by its path in the checkout. How it is bundled lies in `scripts`, too.
 * @typedef {ReadonlyMap<string, Buffer>} Sources
 */

/**
 * @param {string} root the checkout
 * @returns {Sources}
 */
export function readSources(root) {
  return new Map([...BESIDE, ...namesIn(root, 'scripts')].map((name) => [name, contentOf(path.join(root, name))]));
}

/**
 * A key over the content of the sources: that takes no longer than asking for times and sizes, and cannot be wrong.
 * @param {string} root
 * @param {Sources} sources
 * @returns {string} hexadecimal
 */
export function keyOf(root, sources) {
  // The tag stands for V8's version and flags: with others, compiled code is of no use.
  const hash = createHash('sha256').update(JSON.stringify([root, process.version, v8.cachedDataVersionTag()]));
  for (const [name, content] of sources) hash.update(`\0${name}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 32);
}

/**
 * @param {string} root
 * @param {string} folder
 * @returns {string[]} the files below the folder, in order. Hidden ones are an editor's
 */
function namesIn(root, folder) {
  const entries = readdirSync(path.join(root, folder), { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? namesIn(root, `${folder}/${entry.name}`) : [`${folder}/${entry.name}`]));
}

/**
 * @param {string} file
 * @returns {Buffer} empty where there is none, or no longer
 */
function contentOf(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
