/**
 * The journal could not be read or written: disk full, I/O error, no permission. Nothing was
 * handed out and nothing released. `cause` has the system's error, `errno` its name (ENOSPC).
 */
export class JournalError extends Error {
  readonly code = 'JOURNAL_IO';
  readonly retry = 'backoff';
  override readonly name = 'JournalError';
  readonly errno: string;

  constructor(doing: string, cause: unknown) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
    super(`address journal: ${doing} failed: ${(cause as Error).message}`, {cause});
    this.errno = errno;
  }
}

/** The file is not a journal this version can read. Somebody has to look. */
export class JournalFormatError extends Error {
  readonly code = 'JOURNAL_FORMAT';
  readonly retry = 'never';
  override readonly name = 'JournalFormatError';
}
