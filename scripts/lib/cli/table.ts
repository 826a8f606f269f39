import Table from 'cli-table3';

/**
 * A table for people: columns of numbers to the right, the others to the left. On a terminal that is too narrow for it, the widest
 * columns are wrapped.
 */
export function table(
  head: readonly string[],
  rows: ReadonlyArray<readonly string[]>,
  width = process.stdout.isTTY === true ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string {
  const isNumber = (column: number): boolean => rows.length > 0 && rows.every((row) => /^[\d.]*$/.test(row[column] ?? ''));
  const widths = columnWidths([head, ...rows], width);
  const fitted = (row: readonly string[]): string[] => row.map((cell, column) => wrap(cell, widths[column] ?? cell.length));
  const made = new Table({
    head: fitted(head),
    colAligns: head.map((_, column) => (isNumber(column) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  made.push(...rows.map(fitted));
  return made.toString();
}

/** Narrowest column that is still worth reading. */
const NARROW = 16;

function columnWidths(rows: ReadonlyArray<readonly string[]>, width: number): number[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  // Each column has a border and two spaces, and there is one border more.
  const room = width - 3 * widths.length - 1;
  for (let total = widths.reduce((sum, one) => sum + one, 0); total > room; total--) {
    const widest = Math.max(...widths);
    if (widest <= NARROW) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

/** Breaks a text at spaces, and within words that are longer than a line. */
function wrap(text: string, width: number): string {
  const lines: string[] = [];
  for (let rest = text; ; ) {
    if (rest.length <= width) return [...lines, rest].join('\n');
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
}
