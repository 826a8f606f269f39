// The entry of every npm script. Parses and runs on Node 12, so that an old Node is told about and not met as a syntax error; what
// needs a newer one lies in bootstrap/start.mjs.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 knows no such names.
import { readFileSync } from 'fs';
import { tooOld } from './bootstrap/node-version.mjs';

function osRelease() {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch (_error) {
    return '';
  }
}

const problem = tooOld(process.versions.node, process.execPath, osRelease());
if (problem === undefined) {
  import('./bootstrap/start.mjs').then(({ start }) => start(process.argv.slice(2)));
} else {
  console.error(problem);
  process.exitCode = 1;
}
