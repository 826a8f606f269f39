import { describe, expect, test } from 'vitest';
import { formatElapsed, formatEstimate, parseDuration } from '../../../scripts/lib/core/duration.js';
import { UsageError } from '../../../scripts/lib/core/errors.js';

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

test.each([
  [-3, '0 s'],
  [0.4, '0 s'],
  [59.4, '59 s'],
  [59.6, '1 min 0 s'],
  [200, '3 min 20 s'],
  [3900, '1 h 5 min'],
])('%d seconds that have passed are %s', (seconds, text) => {
  expect(formatElapsed(seconds)).toBe(text);
});

test.each([
  [0, 'a few seconds'],
  [7, 'a few seconds'],
  [8, '10 s'],
  [44, '40 s'],
  [94, '90 s'],
  [95, '2 min'],
  [130, '2 min'],
  [140, '3 min'],
  [3500, '59 min'],
  [3590, '1 h 0 min'],
  [4800, '1 h 20 min'],
])('%d seconds that are estimated are %s', (seconds, text) => {
  expect(formatEstimate(seconds)).toBe(text);
});
