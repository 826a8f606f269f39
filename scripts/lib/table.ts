import Table from 'cli-table3';

/** A table for people: columns of numbers to the right, the others to the left. */
export function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((row) => /^[\d.]*$/.test(row[column] ?? ''));
  const made = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (isNumber(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows.map((row) => [...row]));
  return made.toString();
}
