/** Tables the kubectl way: upper-case headings, three spaces, no borders; numbers to the right. Pure. */

export type Cell = string | number | undefined; // undefined: there is nothing to show

/** Numbers keep three digits: 0.561, 5.61, 56.1, 561. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value)) return '-';
  if (size >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function formatTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumeric = head.map((_, column) => rows.some(row => typeof row[column] === 'number'));
  const texts = [head, ...rows.map(row => row.map(toText))];
  const widths = head.map((_, column) => Math.max(...texts.map(row => row[column]?.length ?? 0)));
  const lines = texts.map(row => {
    const cells = row.map((text, column) =>
      isNumeric[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0),
    );
    return cells.join('   ').trimEnd();
  });
  return lines.join('\n');
}

/** A goal and whether it was met: `<= 0.35 met`. */
export function judge(value: number, sign: '<=' | '>=', goal: number): string {
  const isMet = sign === '<=' ? value <= goal : value >= goal;
  return `${sign} ${goal} ${isMet ? 'met' : 'MISSED'}`;
}

function toText(cell: Cell): string {
  if (cell === undefined) return '-';
  return typeof cell === 'number' ? formatNumber(cell) : cell;
}
