// The program that is made of the TypeScript: found in the cache, or made there. Plain Node, and quick: every start passes here.
import { isAscii } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import vm from 'node:vm';
import { keyOf, readSources } from './sources.mjs';

/** Former programs that are kept: those of another branch, of another Node. */
const KEPT = 3;
/** After this time nobody is at work any more on what is half-made, milliseconds. */
const ABANDONED = 600_000;
const [CODE, MAP, COMPILED, HELP] = ['program.cjs', 'program.cjs.map', 'program.compiled', 'help.json'];

/**
 * What `scripts/main.ts` exports.
 * @typedef {typeof import('../main.js')} Main
 */

/**
 * The program of a checkout, of its sources as they are now.
 * @typedef {{root: string, sources: import('./sources.mjs').Sources, folder: string}} Program
 */

/**
 * Tells where the program lies, or will lie.
 * @param {string} root the checkout
 * @param {string} cache folder of the cache
 * @returns {Program}
 */
export function programOf(root, cache) {
  const sources = readSources(root);
  return { root, sources, folder: path.join(cache, 'bundle', keyOf(root, sources)) };
}

/**
 * The help of a task as it was worked out when the program was made.
 * @param {Program} program
 * @param {string} task
 * @returns {string | undefined} undefined where there is none yet, and for a task that hands --help on
 */
export function helpOf({ folder }, task) {
  const texts = readIfThere(path.join(folder, HELP));
  return texts === undefined ? undefined : JSON.parse(String(texts))[task];
}

/**
 * Loads the program; makes it first where there is none yet. It is in memory then as a whole, so the cache may be removed while it runs.
 * Where the cache cannot be written, each start makes it anew.
 * @param {Program} program
 * @param {{keep?: boolean}} [options] keep: false for a run that is to leave nothing behind
 * @returns {Promise<{main: Main, inSources: (text: string) => Promise<string>}>} what it exports; and what puts the places in the
 * sources into its stack traces
 * @throws {import('./bundle.mjs').BundleError} when a source has a mistake
 */
export async function loadProgram({ root, sources, folder }, { keep = true } = {}) {
  const file = path.join(folder, CODE);
  const code = textOf(readIfThere(file));
  if (code !== undefined)
    return { main: run(root, file, code, readIfThere(path.join(folder, COMPILED))).exports, inSources: tracing(file) };

  const made = await (await import('./bundle.mjs')).bundle(root, sources, file);
  const { script, exports } = run(root, file, made.code);
  if (!keep) return { main: exports, inSources: tracing(file, made.map) };
  // Every task is loaded for this: what has run by then, the compiled code holds.
  const help = JSON.stringify(await exports.helpTexts(root));
  store(folder, { [CODE]: made.code, [MAP]: made.map, [COMPILED]: script.createCachedData(), [HELP]: help });
  return { main: exports, inSources: tracing(file, made.map) };
}

/**
 * @param {string} root
 * @param {string} file
 * @param {string} code
 * @param {Buffer} [cachedData]
 * @returns {{script: vm.Script, exports: Main}}
 */
function run(root, file, code, cachedData) {
  const script = new vm.Script(code, { filename: file, cachedData });
  const module = { exports: {} };
  const require = createRequire(path.join(root, 'package.json'));
  script.runInThisContext()(module, module.exports, require, (/** @type {string} */ address) => import(address));
  return { script, exports: /** @type {Main} */ (module.exports) };
}

/**
 * @param {string} file
 * @param {string} [map] read when it is needed otherwise
 * @returns {(stack: string) => Promise<string>}
 */
function tracing(file, map) {
  return async (stack) => (await import('./trace.mjs')).inSources(stack, file, map ?? readIfThere(`${file}.map`)?.toString());
}

/**
 * Keeps a program for the next start: whole, or not at all.
 * @param {string} folder
 * @param {Readonly<Record<string, string | Buffer>>} files
 */
function store(folder, files) {
  const temporary = `${folder}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    mkdirSync(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(temporary, name), content);
    renameSync(temporary, folder);
  } catch {
    // Another start was quicker; or nothing can be written here, and the next start bundles anew.
    discard(temporary);
  }
  dropOld(folder);
}

/**
 * Removes programs of former sources, and what a killed start has left half-made.
 * @param {string} folder the one that stays
 */
function dropOld(folder) {
  const above = path.dirname(folder);
  const others = namesIn(above)
    .filter((name) => name !== path.basename(folder))
    .map((name) => ({ name, made: timeOf(path.join(above, name)) }))
    .sort((a, b) => b.made - a.made);
  const former = others.filter(({ name }) => !name.endsWith('.tmp')).slice(KEPT);
  const abandoned = others.filter(({ name, made }) => name.endsWith('.tmp') && Date.now() - made > ABANDONED);
  for (const { name } of [...former, ...abandoned]) discard(path.join(above, name));
}

/**
 * Removes a folder in one go: whoever looks for it finds it whole, or not.
 * @param {string} folder
 */
function discard(folder) {
  const goner = folder.endsWith('.tmp') ? folder : `${folder}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    if (goner !== folder) renameSync(folder, goner);
    rmSync(goner, { recursive: true, force: true });
  } catch {
    // Another user's: it is in nobody's way.
  }
}

/**
 * @param {string} file
 * @returns {Buffer | undefined}
 */
function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * @param {Buffer | undefined} content
 * @returns {string | undefined} decoded; ASCII, which takes no time, where it is nothing else
 */
function textOf(content) {
  return content?.toString(isAscii(content) ? 'latin1' : 'utf8');
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * @param {string} file
 * @returns {number} when it was made, milliseconds; 0 where it is gone
 */
function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
