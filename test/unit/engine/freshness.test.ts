import { chmod, rename, symlink, utimes } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { dockerImage } from '../../../scripts/lib/build/docker-image.js';
import { hashTree } from '../../../scripts/lib/core/hash.js';
import { canonicalJson } from '../../../scripts/lib/core/json.js';
import { changedParts, keyFrom, keyParts, readStamp, stampPath } from '../../../scripts/lib/engine/freshness.js';
import { file, step } from '../../../scripts/lib/engine/step.js';
import { put, temporaryFolder, testContext } from '../../support/context.js';
import { fakeRunner } from '../../support/fake-runner.js';

describe('the hash of a tree', () => {
  async function tree(): Promise<string> {
    const folder = temporaryFolder();
    await put(path.join(folder, 'a'), 'content of a');
    await put(path.join(folder, 'sub', 'b'), 'content of b');
    return folder;
  }

  test('is the same for the same content, wherever and whenever it was written', async () => {
    const [one, two] = [await tree(), await tree()];
    await utimes(path.join(two, 'a'), new Date(0), new Date(0));
    expect(hashTree(one)).toBe(hashTree(two));
  });

  test.each<[string, (folder: string) => Promise<unknown>]>([
    ['content', (folder) => put(path.join(folder, 'sub', 'b'), 'changed')],
    ['the executable bit', (folder) => chmod(path.join(folder, 'a'), 0o755)],
    ['the name of a file', (folder) => rename(path.join(folder, 'a'), path.join(folder, 'c'))],
    ['the name of a folder', (folder) => rename(path.join(folder, 'sub'), path.join(folder, 'bus'))],
    ['a further file', (folder) => put(path.join(folder, 'sub', 'c'), '')],
    ['a symbolic link', (folder) => symlink('a', path.join(folder, 'link'))],
  ])('changes with %s', async (_, change) => {
    const folder = await tree();
    const before = hashTree(folder);
    await change(folder);
    expect(hashTree(folder)).not.toBe(before);
  });

  test('tells the targets of links apart, without following them', async () => {
    const folder = temporaryFolder();
    const links = ['a', 'b', 'nowhere'].map((target) => ({ target, link: path.join(folder, `to-${target}`) }));
    for (const name of ['a', 'b']) await put(path.join(folder, name), 'the same');
    for (const { target, link } of links) await symlink(target, link);
    expect(new Set(links.map(({ link }) => hashTree(link))).size).toBe(3);
  });

  test('does not change with bits that say nothing about executing', async () => {
    const folder = await tree();
    const before = hashTree(folder);
    await chmod(path.join(folder, 'a'), 0o600);
    expect(hashTree(folder)).toBe(before);
  });

  test('of what is not there is not that of an empty file or folder', async () => {
    const folder = temporaryFolder();
    const absent = hashTree(path.join(folder, 'gone'));
    expect(absent).toBe('absent');
    expect(hashTree(folder)).not.toBe(hashTree(await put(path.join(folder, 'empty'), '')));
  });
});

describe('canonical JSON', () => {
  test('does not depend on the order of keys, at any depth', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: true })).toBe('{"a":true,"b":[{"c":null,"d":1}]}');
    expect(canonicalJson({ a: { x: 1, y: 2 } })).toBe(canonicalJson({ a: { y: 2, x: 1 } }));
  });

  test('depends on the order of lists', () => {
    expect(canonicalJson(['a', 'b'])).not.toBe(canonicalJson(['b', 'a']));
  });

  test('is JSON, whatever the strings hold', () => {
    const value = { 'a "key"\n': 'ä\u2028"', n: -1.5 };
    expect(JSON.parse(canonicalJson(value))).toEqual(value);
  });
});

describe('what changed', () => {
  test('is named, part by part', () => {
    expect(changedParts({ a: '1', b: '1', c: '1' }, { a: '1', b: '2', c: '3' })).toBe('changed: b, c');
  });

  test('includes what came and what went', () => {
    expect(changedParts({ went: '1' }, { came: '1' })).toBe('changed: went, came');
  });

  test('may be no part at all', () => {
    expect(changedParts({ a: '1' }, { a: '1' })).toBe('made by another version of the step');
  });
});

describe('a key', () => {
  test('is made of inputs, options and the keys of what is needed', async () => {
    const ctx = testContext();
    await put(ctx.paths.inRoot('pin', 'go.mod'), 'module a');
    const need = step({ id: 'need', title: 'the need', check: async () => undefined, run: async () => undefined });
    const made = step({
      id: 'made',
      title: 'made',
      needs: [need],
      inputs: ['pin', 'gone'],
      options: () => ({ flags: ['-b', '-a'] }),
      produces: () => [],
      run: async () => undefined,
    });
    const parts = await keyParts(made, ctx, () => 'key of the need');
    expect(parts).toEqual({
      pin: hashTree(ctx.paths.inRoot('pin')),
      gone: 'absent',
      flags: '["-b","-a"]',
      'the need': 'key of the need',
    });
    expect(keyFrom('made', parts)).not.toBe(keyFrom('other', parts));
    expect(keyFrom('made', parts)).not.toBe(keyFrom('made', { ...parts, pin: 'another' }));
  });
});

describe('a stamp', () => {
  const made = step({ id: 'made', title: 'made', produces: () => [], run: async () => undefined });

  test.each(['', '{"key": "a"', '{"key": "a"}', '[]'])('that reads %j is none', async (text) => {
    const ctx = testContext();
    await put(stampPath(made, ctx), text);
    expect(readStamp(made, ctx)).toBeUndefined();
  });
});

describe('a product', () => {
  test('that is a file is another one when size or time changed', async () => {
    const ctx = testContext();
    const target = path.join(ctx.paths.root, 'program');
    expect(await file(target).fingerprint(ctx)).toBeUndefined();
    await put(target, 'abc');
    await utimes(target, 1000, 1000);
    const first = await file(target).fingerprint(ctx);
    await utimes(target, 1000, 2000);
    const later = await file(target).fingerprint(ctx);
    await put(target, 'abcd');
    await utimes(target, 1000, 2000);
    expect(new Set([first, later, await file(target).fingerprint(ctx), undefined]).size).toBe(4);
  });

  test('that is an image is known by its ID', async () => {
    const inspected = (answer: string | number | Error) =>
      dockerImage('a:b').fingerprint(testContext({ runner: fakeRunner(({ args }) => (args.at(-1) === 'a:b' ? answer : undefined)) }));
    expect(await inspected('sha256:1')).toBe('sha256:1');
    expect(await inspected(1)).toBeUndefined();
    expect(await inspected(new Error('docker: command not found'))).toBeUndefined();
  });
});

test('a step that could never be known to be done is refused', () => {
  expect(() => step({ id: 'a', title: 'a', run: async () => undefined })).toThrow('step a has neither products nor a check');
});
