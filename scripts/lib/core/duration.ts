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

/** A time that has passed, for people: `45 s`, `3 min 20 s`, `1 h 5 min`. */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time that is estimated, no more exact than estimates are: `a few seconds`, `40 s`, `4 min`, `1 h 20 min`. */
export function formatEstimate(seconds: number): string {
  if (seconds < 8) return 'a few seconds';
  if (seconds < 95) return `${Math.max(1, Math.round(seconds / 10)) * 10} s`;
  const minutes = Math.ceil(seconds / 60 - 0.25);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${Math.round((minutes % 60) / 10) * 10} min`;
}
