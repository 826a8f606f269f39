import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { tooOld } from '../../../scripts/bootstrap/node-version.mjs';

const release = (id: string, version?: string): string =>
  `NAME="some"\nID=${id}\n${version === undefined ? '' : `VERSION_ID="${version}"\n`}`;
const APT = 'sudo apt-get update && sudo apt-get install --yes nodejs npm';

describe('an old Node', () => {
  test.each([
    ['12.22.9', 'ubuntu', '22.04', 'nvm install 22'],
    ['18.19.1', 'ubuntu', '24.04', 'nvm install 22'],
    ['18.19.0', 'debian', '12', 'nvm install 22'],
    ['18.20.4', 'fedora', '40', 'nvm install 22'],
    ['18.19.0', 'ubuntu', '26.04', APT],
    ['18.19.0', 'ubuntu', '24.10', APT],
    ['16.20.0', 'debian', '13', APT],
    ['16.20.0', 'debian', undefined, APT],
  ])('%s is named first, then what brings a newer one on %s %s', (version, id, number, command) => {
    const [first, ...rest] = (tooOld(version, '/usr/bin/node', release(id, number)) ?? '').split('\n');
    expect(first).toBe(`✖ Node ${version} (/usr/bin/node) is too old: Node 20 or newer is needed`);
    expect(rest.join('\n')).toContain(command);
    expect(rest.join('\n').includes(APT)).toBe(command === APT);
  });

  test('that nvm installed is replaced by nvm', () => {
    expect(tooOld('18.1.0', '/home/me/.nvm/versions/node/v18.1.0/bin/node', release('debian', '13'))).toContain(
      'nvm install 22 && nvm use 22',
    );
  });

  test('that stands before the one of apt is told of', () => {
    expect(tooOld('18.1.0', '/usr/local/bin/node', release('debian', '13'))).toContain('take /usr/local/bin/node out of the way');
  });

  test('is not seen in a newer one', () => {
    expect(tooOld('20.0.0', '/usr/bin/node', '')).toBeUndefined();
    expect(tooOld('24.1.0', '/usr/bin/node', '')).toBeUndefined();
  });
});

describe('what runs before the version is known', () => {
  // What esbuild would have to write anew for Node 12 it prints differently.
  const print = async (code: string, target: string): Promise<string> => (await transform(code, { target, format: 'esm' })).code;

  test.each(['run.mjs', 'bootstrap/node-version.mjs'])('parses on Node 12: %s', async (file) => {
    const code = await readFile(new URL(`../../../scripts/${file}`, import.meta.url), 'utf8');
    expect(await print(code, 'node12.20')).toBe(await print(code, 'esnext'));
    // Node 12 before 12.20 has no such names for import.
    expect(code).not.toMatch(/from 'node:/);
  });

  test.each(['a ?? b', 'a?.b', 'a ||= b', 'await a'])('is not allowed %s', async (code) => {
    const old = await print(code, 'node12.20').catch(() => 'refused');
    expect(old).not.toBe(await print(code, 'esnext'));
  });
});
