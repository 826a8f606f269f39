import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readIfThere, removeHalfMade, replace, writeAtomically } from '../../../scripts/lib/core/files.js';
import { makePaths } from '../../../scripts/lib/core/paths.js';
import { put, temporaryFolder } from '../../support/context.js';

describe('what is replaced', () => {
  const makers: ReadonlyArray<readonly [string, (at: string) => Promise<unknown>]> = [
    ['a file', (at) => put(at, 'former')],
    ['a folder', (at) => put(path.join(at, 'former'), 'former')],
    ['an empty folder', (at) => mkdir(at, { recursive: true })],
    ['nothing', async () => undefined],
  ];

  test.each(makers)('may be %s, by a file', async (_, former) => {
    const target = path.join(temporaryFolder(), 'sub', 'target');
    await former(target);
    await replace(target, (temporary) => writeFile(temporary, 'new'));
    expect(await readFile(target, 'utf8')).toBe('new');
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });

  test.each(makers)('may be %s, by a folder', async (_, former) => {
    const target = path.join(temporaryFolder(), 'sub', 'target');
    await former(target);
    await replace(target, (temporary) => put(path.join(temporary, 'new'), 'new').then(() => undefined));
    expect(await readdir(target)).toEqual(['new']);
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });

  test('stays as it was when the new one cannot be made, and nothing half-made stays', async () => {
    const target = await put(path.join(temporaryFolder(), 'target'), 'former');
    const broken = new Error('broken');
    const failing = replace(target, async (temporary) => {
      await put(path.join(temporary, 'half'), 'half');
      throw broken;
    });
    await expect(failing).rejects.toBe(broken);
    expect(await readFile(target, 'utf8')).toBe('former');
    expect(await readdir(path.dirname(target))).toEqual(['target']);
  });
});

test('a file written at once has the mode that was asked for', async () => {
  const target = path.join(temporaryFolder(), 'archive');
  await writeAtomically(target, 'secret', 0o600);
  expect((await stat(target)).mode & 0o777).toBe(0o600);
  expect(await readIfThere(target)).toBe('secret');
});

test('a file that is not there reads as undefined, another fault is told', async () => {
  const folder = temporaryFolder();
  expect(await readIfThere(path.join(folder, 'gone'))).toBeUndefined();
  await expect(readIfThere(folder)).rejects.toThrow('EISDIR');
});

test('what a killed run left is removed, and nothing else', async () => {
  const folder = temporaryFolder();
  let half = '';
  await replace(path.join(folder, 'whole'), async (temporary) => {
    half = path.basename(temporary);
    await writeFile(temporary, '');
  });
  await put(path.join(folder, half, 'half'), '');
  for (const name of ['theirs.tmp', 'a.12345678', 'x.0123abcd.tmp.keep']) await put(path.join(folder, name), '');
  await removeHalfMade(folder);
  await removeHalfMade(path.join(folder, 'gone'));
  expect((await readdir(folder)).sort()).toEqual(['a.12345678', 'theirs.tmp', 'whole', 'x.0123abcd.tmp.keep']);
});

test('the cache lies in the checkout unless it is put elsewhere', () => {
  expect(makePaths('/checkout').build).toBe('/checkout/.cache/build');
  expect(makePaths('/checkout', '/elsewhere').build).toBe('/elsewhere/build');
  expect(makePaths('/checkout').inRoot('kind', 'go.mod')).toBe('/checkout/kind/go.mod');
});
