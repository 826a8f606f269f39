// Makes one program of the TypeScript and the packages that it uses.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/** Large, and used by few tasks: they stay where they are. */
const LEFT_OUT = /^(@kubernetes\/client-node|echarts|zx)$/;

/** The sources hold a mistake. Its message names file and line. */
export class BundleError extends Error {
  /** @override */
  name = 'BundleError';
}

/**
 * Bundles `scripts/main.ts` and all that it imports.
 * @param {string} root the checkout
 * @param {import('./sources.mjs').Sources} sources what is bundled, whatever the files hold by now
 * @param {string} file where the program will lie: the places in its source map are relative to it
 * @returns {Promise<{code: string, map: string}>} the program, as a function in parentheses of `module`, `exports`, `require` and
 * `Import`, which imports a module by its address; and its source map
 * @throws {BundleError}
 */
export async function bundle(root, sources, file) {
  const made = await build({
    absWorkingDir: root,
    entryPoints: [path.join('scripts', 'main.ts')],
    outfile: file,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    banner: { js: '(function (module, exports, require, Import) {' },
    footer: { js: '})' },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    logLevel: 'silent',
    tsconfigRaw: String(sources.get('tsconfig.json')),
    plugins: [leaveOut, inEnglish, from(root, sources)],
  }).catch((error) => {
    throw new BundleError(describe(error.errors ?? [], error));
  });
  const [map, code] = made.outputFiles.map(({ text }) => text);
  if (map === undefined || code === undefined) throw new TypeError('esbuild made no program');
  // Of the same length, so that the map still fits. What runs in node:vm has no import() of its own.
  return { code: code.replaceAll('import("file://', 'Import("file://'), map };
}

/**
 * Names a package by its address, so that it is found wherever the bundle lies.
 * @type {import('esbuild').Plugin}
 */
const leaveOut = {
  name: 'leave out',
  setup({ onResolve, resolve }) {
    onResolve({ filter: LEFT_OUT }, async ({ path: name, pluginData, importer, kind, namespace, resolveDir }) => {
      if (pluginData === leaveOut) return undefined;
      if (kind !== 'dynamic-import') return { errors: [{ text: `${name} is large: await import('${name}') where it is used` }] };
      const found = await resolve(name, { importer, kind, namespace, resolveDir, pluginData: leaveOut });
      return found.errors.length > 0 ? { errors: found.errors } : { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

/**
 * Leaves out what zod says in other languages: a third of its code.
 * @type {import('esbuild').Plugin}
 */
const inEnglish = {
  name: 'in English',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "export { default as en } from './en.js';" }));
  },
};

/**
 * Has only that bundled which has a part in the key.
 * @param {string} root
 * @param {import('./sources.mjs').Sources} sources
 * @returns {import('esbuild').Plugin}
 */
function from(root, sources) {
  return {
    name: 'sources',
    setup({ onLoad }) {
      onLoad({ filter: /^/ }, ({ path: file }) => {
        const name = path.relative(root, file);
        if (name.split(path.sep).includes('node_modules')) return undefined;
        const contents = sources.get(name);
        if (contents === undefined) return { errors: [{ text: `${name} does not lie in scripts/` }] };
        return { contents: inAscii(String(contents)), loader: 'default' };
      });
    },
  };
}

/**
 * Writes other characters as their escapes, which mean the same in strings, templates and regular expressions: esbuild leaves those of
 * the last as they are, and one of them has V8 keep the whole program in two bytes a character.
 * @param {string} source
 */
function inAscii(source) {
  return source.replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @param {import('esbuild').Message[]} mistakes
 * @param {Error} otherwise what went wrong where it is no mistake in the sources
 * @returns {string}
 */
function describe(mistakes, otherwise) {
  const lines = mistakes.flatMap(({ text, location }) =>
    location === null ? [text] : [`${location.file}:${location.line}:${location.column + 1}: ${text}`, `  ${location.lineText.trim()}`],
  );
  return ['the TypeScript cannot be bundled', ...(lines.length > 0 ? lines : [otherwise.message])].join('\n  ');
}
