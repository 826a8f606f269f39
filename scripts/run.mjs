// Runs a task with plain Node: installs the npm packages when they are missing or stale, then hands over to main.ts.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const [task, ...args] = process.argv.slice(2);
const major = Number(process.versions.node.split('.')[0]);

if (task === undefined) {
  console.error('✖ usage: node scripts/run.mjs TASK [ARGUMENT…]\n  npm run   lists the tasks.');
  process.exit(2);
}
if (major < 20) {
  console.error(`✖ Node ${process.versions.node} is too old\n  Install Node 20 or newer.`);
  process.exit(1);
}

const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');
const stamp = `${root}node_modules/.installed-lock`;
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('installing npm packages …');
  const { status, signal } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    console.error(
      `✖ npm packages could not be installed\n  cd ${root} && npm ci → ${signal ?? `exit code ${status}`}\n  Check the network and npm's registry setting, then run the same command again.`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

// The large client is read before the TypeScript loader is in place, with which that takes twice as long.
if (task === 'checkpoint' && args[0] !== 'inspect') await import('@kubernetes/client-node');
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./main.ts');
process.exitCode = await main(task, args);
