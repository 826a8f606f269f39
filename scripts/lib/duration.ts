import { UsageError } from './errors.js';

const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600 } as const;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/**
 * Reads a duration as Go and kubectl write it (`90s`, `1m30s`, `1.5h`), or a bare number of seconds.
 * @returns whole seconds, rounded up
 * @throws UsageError when it is none, or not more than nothing
 */
export function parseDuration(flag: string, text: string): number {
  const known = /^\d+$/.test(text) || new RegExp(`^(?:${PART.source})+$`).test(text);
  const parts = [...text.matchAll(PART)].map(([, number, unit]) => Number(number) * SECONDS[unit as keyof typeof SECONDS]);
  const seconds = /^\d+$/.test(text) ? Number(text) : parts.reduce((sum, part) => sum + part, 0);
  // Rounded to a millisecond first: 0.1 + 0.2 must not become one more.
  const whole = Math.ceil(Math.round(seconds * 1000) / 1000);
  if (!known || whole <= 0 || !Number.isSafeInteger(whole))
    throw new UsageError(`${flag}: ${text} is not a duration`, { hint: 'Write seconds, or a duration such as 90s or 2m30s.' });
  return whole;
}
