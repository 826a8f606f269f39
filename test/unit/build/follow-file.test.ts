import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { contentLength, followFile } from '../../../scripts/lib/build/follow-file.js';
import { put, testContext } from '../../support/context.js';

const MiB = 1024 * 1024;

describe('what makes a file grow', () => {
  /** Lets a file grow by a MiB in each second, four times. */
  async function growing(total: number | undefined): Promise<Array<[number, string | undefined]>> {
    const ctx = testContext();
    const file = path.join(ctx.paths.root, 'archive');
    const told: Array<[number, string | undefined]> = [];
    let grown = 0;
    ctx.clock.whileAsleep = async () => {
      if (grown === 4) return;
      grown += 1;
      await put(ctx.paths.inRoot('nothing'), '');
      await appendFile(file, Buffer.alloc(MiB));
    };
    const tells = { ...ctx, progress: (fraction: number, detail?: string) => told.push([fraction, detail]) };
    const result = await followFile(
      tells,
      file,
      async () => total,
      () => vi.waitFor(() => expect(told.length).toBeGreaterThanOrEqual(4)).then(() => 'result'),
    );
    expect(result).toBe('result');
    return told.slice(0, 4);
  }

  test('tells its part and its bytes', async () => {
    expect(await growing(8 * MiB)).toEqual([
      [0.125, '1.0 MiB of 8.0 MiB'],
      [0.25, '2.0 MiB of 8.0 MiB'],
      [0.375, '3.0 MiB of 8.0 MiB'],
      [0.5, '4.0 MiB of 8.0 MiB'],
    ]);
  });

  test('tells its bytes alone where nobody knows how many there will be', async () => {
    expect((await growing(undefined)).at(-1)).toEqual([0, '4.0 MiB']);
  });

  test('is not watched where nobody listens, and its failure is that of the whole', async () => {
    const ctx = testContext();
    ctx.clock.whileAsleep = () => expect.unreachable('it watches');
    const broken = new Error('no network');
    const fails = async (): Promise<never> => {
      throw broken;
    };
    await expect(followFile(ctx, 'archive', async () => 1, fails)).rejects.toBe(broken);
    ctx.clock.whileAsleep = () => undefined;
    await expect(followFile({ ...ctx, progress: () => undefined }, 'archive', async () => 1, fails)).rejects.toBe(broken);
  });
});

test.each([
  ['HTTP/2 200 \r\ncontent-length: 70123\r\n\r\n', 70123],
  ['HTTP/1.1 302 Found\r\nContent-Length: 154\r\nLocation: /x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', 9],
  ['HTTP/1.1 302 Found\r\nContent-Length: 154\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
  ['', undefined],
])('the headers %j tell a size of %s', (headers, size) => {
  expect(contentLength(headers)).toBe(size);
});
