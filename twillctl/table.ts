/**
 * Tables as kubectl prints them: headings in capitals, three spaces between columns, no borders. Pure.
 */
export type Row = readonly string[];

export function formatTable(heading: Row, rows: readonly Row[]): string {
  const lines = [heading, ...rows.map(row => row.map(toCell))];
  const widths = heading.map((_, column) =>
    lines.reduce((widest, line) => Math.max(widest, line[column]?.length ?? 0), 0),
  );
  return lines
    .map(line =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .map(line => `${line}\n`)
    .join('');
}

/** Nothing is said as kubectl says it; what could move the cursor is not printed. */
function toCell(text: string): string {
  return text === '' ? '<none>' : text.replace(/\p{Cc}/gu, '?');
}

/** `5s`, `3m`, `4h`, `12d`: how old a thing is, as kubectl rounds it. */
export function formatAge(since: string | undefined, nowMs: number): string {
  const startMs = Date.parse(since ?? '');
  if (isNaN(startMs)) return '<unknown>';
  const seconds = Math.max(0, Math.floor((nowMs - startMs) / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 ? withRest(days, 'd', hours % 24, 'h') : `${days}d`;
}

function withRest(count: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${count}${unit}` : `${count}${unit}${rest}${restUnit}`;
}
