import { describe, expect, test } from 'vitest';
import { transferProgress } from '../../../scripts/lib/cli/progress.js';
import { formatBytes } from '../../../scripts/lib/core/bytes.js';
import { testContext } from '../../support/context.js';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [198656, '194.0 KiB'],
  [202912768, '193.5 MiB'],
  [5 * 1024 ** 3, '5.0 GiB'],
  [2 * 1024 ** 5, '2048.0 TiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

/** What is written to a terminal while `total` bytes arrive, a quarter each second. */
function shown(total: number, { isTTY = true, env = {} }: { isTTY?: boolean; env?: NodeJS.ProcessEnv } = {}): string[] {
  const written: string[] = [];
  const ctx = testContext({ env });
  const terminal = { isTTY, write: (text: string) => written.push(text.replace('\r\x1b[2K', '')) > 0 };
  const progress = transferProgress(ctx, 'a.tar', total, terminal as unknown as NodeJS.WriteStream);
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    progress(total * part);
    progress(total * part);
    ctx.clock.pass(1000);
  }
  progress.end();
  return written;
}

describe('the progress of a transfer', () => {
  test('is one line that is redrawn, and taken away at the end', () => {
    expect(shown(400 * 1024 * 1024)).toEqual([
      'a.tar: 0 % of 400.0 MiB',
      'a.tar: 25 % of 400.0 MiB, 100.0 MiB/s',
      'a.tar: 50 % of 400.0 MiB, 100.0 MiB/s',
      'a.tar: 75 % of 400.0 MiB, 100.0 MiB/s',
      'a.tar: 100 % of 400.0 MiB, 100.0 MiB/s',
      '',
    ]);
  });

  test.each([
    { name: 'small things', total: 1024 * 1024, options: {} },
    { name: 'what is no terminal', total: 400 * 1024 * 1024, options: { isTTY: false } },
    { name: 'CI', total: 400 * 1024 * 1024, options: { env: { CI: 'true' } } },
  ])('is not shown for $name', ({ total, options }) => {
    expect(shown(total, options)).toEqual([]);
  });
});
