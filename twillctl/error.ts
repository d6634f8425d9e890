/**
 * How a command fails. Its message is printed behind `Error: `.
 */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'COMMAND';
  readonly retry = 'never';
  /** Several things can be wrong at once; each gets its own line. */
  readonly lines: readonly string[];

  constructor(lines: string | readonly string[], options?: ErrorOptions) {
    const all = typeof lines === 'string' ? [lines] : lines;
    super(all.join('\n'), options);
    this.lines = all;
  }
}

/** What was typed makes no sense; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
  readonly retry = 'never';
}
