import type { Context } from '../lib/core/context.js';
import { ToolkitError } from '../lib/core/errors.js';
import { until } from '../lib/core/until.js';

/** How long the counter may take to print, and how often it is looked at, milliseconds. */
const WAIT = { patienceMs: 20_000, everyMs: 100 };
/** Before the first number. */
const NOTHING: Count = { first: 0, last: -1 };

/** A run of the counter: the first and the last number that it printed. */
export interface Count {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads what the counter printed and proves that no number is lost or repeated.
 * @param output one number a line
 * @throws ToolkitError that names the place of the first gap or repeat
 */
export function readCount(output: string): Count {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const numbers = lines.map((line) => {
    if (!/^\d+$/.test(line)) throw new ToolkitError('the counter printed something that is not a number', { details: [line] });
    return Number(line);
  });
  const [first] = numbers;
  if (first === undefined) throw new ToolkitError('the counter has printed nothing');
  for (const [index, number] of numbers.entries()) {
    if (number === first + index) continue;
    const before = numbers.slice(Math.max(0, index - 3), index + 2).join(' ');
    throw new ToolkitError(number < first + index ? 'the counter repeats numbers' : 'the counter has lost numbers', {
      details: [`… ${before} …`],
    });
  }
  return { first, last: first + numbers.length - 1 };
}

/**
 * Returns once a counter has got past a number, without gap or repeat.
 * @param read gives what it has printed so far
 * @param failure what to throw when it stands still, from the last number
 */
export function untilPast(
  ctx: Pick<Context, 'clock' | 'signal'>,
  number: number,
  read: () => Promise<string>,
  failure: (last: number) => ToolkitError,
): Promise<Count> {
  return until(
    ctx,
    ({ last }) => failure(last),
    async () => {
      const output = await read();
      return output === '' ? NOTHING : readCount(output);
    },
    ({ last }) => last > number,
    WAIT,
  );
}
