// Installs the npm packages. Plain Node: there are none yet.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { npmFailed, npmMissing } from './npm.mjs';

/**
 * Installs what package-lock.json names. Ends the process when that fails, and says what to do.
 * @param {string} root the checkout
 * @param {string} stamp file that then says for which package-lock.json the packages are there
 * @param {string} lock what it says
 */
export function installPackages(root, stamp, lock) {
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
