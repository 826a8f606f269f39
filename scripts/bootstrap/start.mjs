// Brings about what a task needs to run – the npm packages, the bundle – and runs it. Plain Node: there are no packages yet.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { helpOf, loadProgram, programOf } from './program.mjs';

const root = path.resolve(fileURLToPath(new URL('../../', import.meta.url)));

/**
 * Runs a task.
 * @param {string[]} words its name and its arguments
 */
export async function start([task, ...args]) {
  if (task === undefined) {
    console.error('✖ usage: node scripts/run.mjs TASK [ARGUMENT…]\n  npm run   lists the tasks.');
    process.exit(2);
  }
  const stamp = path.join(root, 'node_modules', '.installed-lock');
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) (await import('./packages.mjs')).installPackages(root, stamp, lock);
  const cache = path.resolve(root, process.env['KIND_CHECKPOINT_CACHE'] || '.cache');
  const program = programOf(root, cache);
  if (args.length === 1 && ['--help', '-h'].includes(args[0] ?? '')) {
    const help = helpOf(program, task);
    if (help !== undefined) return console.log(help);
  }
  try {
    // What only looks changes nothing: a cache that such a run of root's had begun would be closed to the user.
    const { main, inSources } = await loadProgram(program, { keep: task !== 'doctor' && !args.includes('--dry-run') });
    process.exitCode = await main.main({ root, cache, task, args, inSources });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'BundleError') throw error;
    console.error(`✖ ${error.message}`);
    process.exitCode = 1;
  }
}
