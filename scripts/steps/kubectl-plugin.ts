import path from 'node:path';
import { writeAtomically } from '../lib/core/files.js';
import { file, step } from '../lib/engine/step.js';

/** A word as the shell reads it back. */
const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The program that kubectl starts for `kubectl checkpoint`, wherever it is called: `npm run checkpoint` of this checkout. */
export function pluginScript(root: string, cache: string): string {
  return [
    '#!/bin/sh',
    '# kubectl checkpoint: kubectl finds this program on PATH by its name.',
    `[ -n "$KIND_CHECKPOINT_CACHE" ] || export KIND_CHECKPOINT_CACHE=${quoted(cache)}`,
    `exec node ${quoted(path.join(root, 'scripts', 'run.mjs'))} checkpoint "$@"`,
    '',
  ].join('\n');
}

/** `kubectl checkpoint`. */
export const kubectlPlugin = step({
  id: 'kubectl-plugin',
  title: 'kubectl checkpoint',
  options: ({ paths }) => ({ script: pluginScript(paths.root, paths.cache) }),
  produces: ({ paths }) => [file(path.join(paths.bin, 'kubectl-checkpoint'))],
  weight: 0,
  async run({ paths }) {
    await writeAtomically(path.join(paths.bin, 'kubectl-checkpoint'), pluginScript(paths.root, paths.cache), 0o755);
  },
});
