import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../scripts/lib/duration.js';
import { UsageError } from '../../scripts/lib/errors.js';

describe('a duration', () => {
  test.each([
    ['60', 60],
    ['60s', 60],
    ['2m', 120],
    ['1m30s', 90],
    ['1.5h', 5400],
    ['500ms', 1],
    ['1s1ms', 2],
    ['0.1s0.2s0.7s', 1],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration('--timeout', text)).toBe(seconds);
  });

  test.each(['', '0', '0s', '-1', '-1s', '60 s', 's', '1d', '60x', '1e3', 'ten', `9${'0'.repeat(20)}`])('is not %j', (text) => {
    expect(() => parseDuration('--timeout', text)).toThrow(UsageError);
    expect(() => parseDuration('--timeout', text)).toThrow(`--timeout: ${text} is not a duration`);
  });
});
