/** How the demo looks: numbered steps, indented commands with their output, small tables. Shell (stdout). */
const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const paint = (code: number) => (text: string) =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;

export const bold = paint(1);
export const dim = paint(2);
export const good = paint(32);
export const bad = paint(31);

const width = 78;

/** Says what is being done, does it, and says how long it took. */
export async function step<T>(number: number, title: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const head = `${bold(String(number))}  ${bold(title)}`;
  if (colour) process.stdout.write(`\n${head} `);
  const result = await work();
  const took = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  const space = ' '.repeat(Math.max(1, width - title.length - took.length - 4));
  process.stdout.write(colour ? `${space}${dim(took)}\n` : `\n${head}${space}${took}\n`);
  return result;
}

export function say(text = ''): void {
  console.log(text === '' ? '' : `   ${text}`);
}

/** A step that only shows. */
export function heading(number: number, title: string): void {
  console.log(`\n${bold(String(number))}  ${bold(title)}`);
}

/** A command as one would type it, and what it answered. */
export function command(prompt: string, output: string): void {
  say(dim(`$ ${prompt}`));
  for (const line of output.trimEnd().split('\n')) say(line.trimEnd());
}

/** Columns as wide as their widest cell; numbers are not aligned, as kubectl does it. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map(row => visible(row[column] ?? '').length)),
  );
  for (const row of rows) {
    const cells = row.map(
      (cell, column) => cell + ' '.repeat((widths[column] ?? 0) - visible(cell).length),
    );
    say(cells.join('   ').trimEnd());
  }
}

const visible = (text: string) => text.replace(/\u001b\[\d+m/g, '');
