import { expect, test } from 'vitest';
import { wholeLines } from '../../../scripts/lib/core/lines.js';

test('lines are put together from pieces that end in their middle, and in the middle of a character', () => {
  const lines: string[] = [];
  const take = wholeLines((line) => lines.push(line));
  const output = Buffer.from('fmt\nk8s.io/apí\r\n\nunfinished');
  for (const byte of output) take(Buffer.from([byte]));
  expect(lines).toEqual(['fmt', 'k8s.io/apí', '']);
});
