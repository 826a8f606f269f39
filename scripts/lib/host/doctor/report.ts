import type { Examined } from './examine.js';

const MARK = { pass: '✔', warn: '!', fail: '✖', skip: '–' } as const;

/** What was found as lines for people: one a check, and what mends it below. */
export function reportLines(examined: readonly Examined[]): string[] {
  const width = Math.max(...examined.map(({ title }) => title.length));
  const lines = examined.flatMap(({ verdict, title, seen, mend }) => [
    `${MARK[verdict]} ${verdict}  ${title.padEnd(width)}  ${seen}`,
    ...(mend === undefined ? [] : mend.split('\n').map((line) => `${' '.repeat(width + 10)}→ ${line}`)),
  ]);
  const count = (wanted: string): number => examined.filter(({ verdict }) => verdict === wanted).length;
  const skipped = count('skip') === 0 ? '' : `, ${count('skip')} not asked`;
  return [...lines, `${count('pass')} pass, ${count('warn')} warn, ${count('fail')} fail${skipped}`];
}
