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
  const numbers = readNumbers(output);
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

/** A run of a counter that was restored. */
export interface RestoredCount extends Count {
  /** How many numbers are in its log twice. */
  readonly repeated: number;
}

/**
 * Reads what a counter printed that was restored by a released containerd. That takes the log into the archive when the container runs
 * again after its dump: what was printed in between is in the log, and is printed again by who is restored. So numbers may come twice
 * where a restore was, and only there; none may be lost.
 * @param restores how often it was restored, at most
 * @throws ToolkitError that names the place of a gap, or of a repeat too many
 */
export function readRestoredCount(output: string, restores: number): RestoredCount {
  const numbers = readNumbers(output);
  const [first] = numbers;
  if (first === undefined) throw new ToolkitError('the counter has printed nothing');
  let [seams, repeated, last] = [0, 0, first - 1];
  for (const [index, number] of numbers.entries()) {
    const around = numbers.slice(Math.max(0, index - 3), index + 2).join(' ');
    if (number > last + 1) throw new ToolkitError('the counter has lost numbers', { details: [`… ${around} …`] });
    if (number <= last) {
      seams++;
      repeated += last + 1 - number;
      if (seams > restores) throw new ToolkitError('the counter repeats numbers', { details: [`… ${around} …`] });
    }
    last = number;
  }
  return { first, last, repeated };
}

/** The numbers in a counter's output, one a line. @throws ToolkitError when there is anything else */
function readNumbers(output: string): number[] {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.map((line) => {
    if (!/^\d+$/.test(line)) throw new ToolkitError('the counter printed something that is not a number', { details: [line] });
    return Number(line);
  });
}

/**
 * Returns once a counter has got past a number, without gap or repeat.
 * @param read gives what it has printed so far
 * @param failure what to throw when it stands still, from the last number
 * @param count reads what was printed
 */
export function untilPast(
  ctx: Pick<Context, 'clock' | 'signal'>,
  number: number,
  read: () => Promise<string>,
  failure: (last: number) => ToolkitError,
  count: (output: string) => Count = readCount,
): Promise<Count> {
  return until(
    ctx,
    ({ last }) => failure(last),
    async () => {
      const output = await read();
      return output === '' ? NOTHING : count(output);
    },
    ({ last }) => last > number,
    WAIT,
  );
}
