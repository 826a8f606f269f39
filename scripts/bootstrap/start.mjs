// Installs the npm packages when they are missing or stale, then hands over to main.ts. Plain Node: there are no packages yet.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { npmFailed, npmMissing } from './npm.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs a task.
 * @param {string[]} words its name and its arguments
 */
export async function start([task, ...args]) {
  if (task === undefined) {
    console.error('✖ usage: node scripts/run.mjs TASK [ARGUMENT…]\n  npm run   lists the tasks.');
    process.exit(2);
  }
  installPackages();
  const { register } = await import('tsx/esm/api');
  register();
  const main = new URL('../main.js', import.meta.url).href;
  process.exitCode = await (await import(main)).main(task, args);
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(`${root}package-lock.json`))
    .digest('hex');
  const stamp = `${root}node_modules/.installed-lock`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('installing npm packages …');
  const { status, signal, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') stop(npmMissing(process.execPath));
  // Null when it could not be started.
  const output = stderr ?? '';
  process.stderr.write(output);
  if (status !== 0) stop(npmFailed({ root, ended: error?.message ?? signal ?? `exit code ${status}`, output }));
  try {
    writeFileSync(stamp, lock);
  } catch (failed) {
    stop(npmFailed({ root, ended: 'exit code 0', output: String(failed) }));
  }
}

/** @param {string} message */
function stop(message) {
  console.error(message);
  process.exit(1);
}
