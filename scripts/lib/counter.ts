import { ToolkitError } from './errors.js';

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
