import { readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { packTar, wrapInGzip } from '../../../scripts/lib/build/tar.js';
import { sha256OfFile } from '../../../scripts/lib/core/hash.js';
import { put, realRunner, temporaryFolder, testContext } from '../../support/context.js';

test('packing tells how far it is by the bytes that go in, and the archive is the same as without', async () => {
  const folder = temporaryFolder();
  await truncate(await put(path.join(folder, 'server', 'large'), ''), 30 * 1024 * 1024);
  await put(path.join(folder, 'server', 'bin', 'small'), 'x');
  const ctx = testContext({ runner: realRunner() });
  const told: Array<[number, string | undefined]> = [];
  const tell = (fraction: number, detail?: string): void => {
    told.push([fraction, detail]);
  };
  const [watched, unwatched] = [path.join(folder, 'watched.tar'), path.join(folder, 'unwatched.tar')];
  await packTar(ctx, watched, folder, ['server'], tell);
  await packTar(ctx, unwatched, folder, ['server']);
  expect(await sha256OfFile(watched)).toBe(await sha256OfFile(unwatched));
  expect(told.map(([, detail]) => detail)).toEqual(['9.8 MiB of 30.0 MiB', '19.5 MiB of 30.0 MiB', '29.3 MiB of 30.0 MiB']);
  expect(told[1]?.[0]).toBeCloseTo(0.65);
});

test('a file that is wrapped in gzip comes out of gunzip as it was', async () => {
  const folder = temporaryFolder();
  const content = Buffer.alloc(3 * 1024 * 1024, 'Kubernetes ');
  const source = await put(path.join(folder, 'plain.tar'), content);
  await wrapInGzip(source, path.join(folder, 'wrapped.tar.gz'));
  const wrapped = await readFile(path.join(folder, 'wrapped.tar.gz'));
  expect(gunzipSync(wrapped).equals(content)).toBe(true);
  expect(wrapped.length).toBeGreaterThan(content.length);
});
