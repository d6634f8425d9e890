/**
 * Why the daemon does not start. Thrown at boot only; main.ts prints it and exits with 2.
 */
export interface ConfigProblem {
  readonly line?: number; // from 1; absent when no place in the file is meant
  readonly variable?: string; // the environment variable that holds the value
  readonly field: string; // etcd.endpoints[0]; '' is the file itself
  readonly message: string; // 'expected …, got …'
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG';
  readonly retry = 'never';
  readonly exitCode = 2;
  readonly file: string;
  readonly problems: readonly ConfigProblem[]; // as they stand in the file

  constructor(file: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    const ordered = [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
    super(ordered.map(problem => formatProblem(file, problem)).join('\n'), options);
    this.file = file;
    this.problems = ordered;
  }
}

/** `twilld.yaml:7: etcd.endpoints[0]: expected …`, as compilers say it. */
function formatProblem(file: string, {line, variable, field, message}: ConfigProblem): string {
  const place = variable ?? (line === undefined ? file : `${file}:${line}`);
  return field === '' ? `${place}: ${message}` : `${place}: ${field}: ${message}`;
}
