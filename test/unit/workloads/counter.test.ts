import { describe, expect, test } from 'vitest';
import { readCount, readRestoredCount } from '../../../scripts/workloads/counter.js';

const lines = (...numbers: number[]): string => `${numbers.join('\n')}\n`;

describe('what a counter printed', () => {
  test('is read from its first to its last number', () => {
    expect(readCount(lines(3, 4, 5))).toEqual({ first: 3, last: 5 });
  });

  test.each([
    [lines(0, 1, 3), 'the counter has lost numbers'],
    [lines(0, 1, 1, 2), 'the counter repeats numbers'],
    ['0\nash: not found\n', 'the counter printed something that is not a number'],
    ['', 'the counter has printed nothing'],
  ])('is refused: %j', (output, message) => {
    expect(() => readCount(output)).toThrow(message);
  });
});

describe('what a counter printed that was restored by a released containerd', () => {
  test.each([
    [lines(0, 1, 2, 3), 1, { first: 0, last: 3, repeated: 0 }],
    [lines(0, 1, 2, 3, 2, 3, 4), 1, { first: 0, last: 4, repeated: 2 }],
    [lines(0, 1, 1, 2, 3, 2, 3), 2, { first: 0, last: 3, repeated: 3 }],
  ])('may come twice where it was restored: %j', (output, restores, count) => {
    expect(readRestoredCount(output, restores)).toEqual(count);
  });

  test.each([
    [lines(0, 1, 3), 1, 'the counter has lost numbers'],
    [lines(0, 1, 2, 1, 3), 1, 'the counter has lost numbers'],
    [lines(0, 1, 1, 2, 2, 3), 1, 'the counter repeats numbers'],
    [lines(0, 1, 1), 0, 'the counter repeats numbers'],
    ['', 1, 'the counter has printed nothing'],
  ])('is refused: %j after %d restores', (output, restores, message) => {
    expect(() => readRestoredCount(output, restores)).toThrow(message);
  });
});
