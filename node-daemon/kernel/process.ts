/**
 * Programs of the system that we run to their end: iptables-save and iptables-restore. Shell.
 *
 * Never through a shell: a program and its arguments, text in, text out, and a deadline. Each test
 * puts its own `RunProgram` here to run the same thing in another network namespace.
 */
import {execFile} from 'node:child_process';

export interface RunOptions {
  readonly stdin?: string;
  readonly deadlineMs?: number; // then SIGKILL; 15,000 when left out
}

/** Resolves with what the program printed. @throws ProgramError for everything but exit code 0. */
export type RunProgram = (
  program: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<string>;

export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: 'MISSING' | 'DEADLINE' | 'EXIT' | 'UNRUNNABLE';
  readonly retry = 'backoff';
  readonly program: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(
    code: ProgramError['code'],
    run: {program: string; stderr?: string; exitCode?: number; why: string; cause?: unknown},
  ) {
    super(`${run.program}: ${run.why}`, {cause: run.cause});
    this.code = code;
    this.program = run.program;
    this.exitCode = run.exitCode;
    this.stderr = run.stderr ?? '';
  }
}

const maxOutputBytes = 256 * 1024 * 1024; // iptables-save of 50,000 rules is 6 MiB

export const runProgram: RunProgram = (program, args, {stdin, deadlineMs = 15_000} = {}) =>
  new Promise((resolve, reject) => {
    const options = {
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxOutputBytes,
      env: environment(),
    } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(toProgramError({program, deadlineMs, stderr, error}));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined); // it may end before it has read everything: EPIPE
    child.stdin?.end(stdin ?? '');
  });

/** Only what a program needs to be found: XTABLES_LIBDIR and the like are not for a daemon to inherit. */
function environment(): NodeJS.ProcessEnv {
  const path = [process.env['PATH'], '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin'];
  return {PATH: path.filter(Boolean).join(':'), LC_ALL: 'C'};
}

interface Failure {
  readonly program: string;
  readonly deadlineMs: number;
  readonly stderr: string;
  readonly error: Error & {code?: unknown; killed?: boolean; signal?: unknown};
}

function toProgramError({program, deadlineMs, stderr, error}: Failure): ProgramError {
  const said = lastWords(stderr);
  const known = {program, stderr, cause: error};
  if (error.code === 'ENOENT') {
    return new ProgramError('MISSING', {...known, why: 'the program is not installed'});
  }
  if (error.killed === true && error.signal === 'SIGKILL') {
    return new ProgramError('DEADLINE', {...known, why: `not done within ${deadlineMs} ms${said}`});
  }
  if (typeof error.code === 'number') {
    const why = `exit code ${error.code}${said}`;
    return new ProgramError('EXIT', {...known, exitCode: error.code, why});
  }
  const why = error.signal ? `ended by ${String(error.signal)}` : error.message;
  return new ProgramError('UNRUNNABLE', {...known, why});
}

/** The end of stderr on one line; advice on other commands to try is left out. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter(line => line !== '' && !line.startsWith('Try '));
  return lines.length === 0 ? '' : `: ${lines.slice(-3).join('; ').slice(-400)}`;
}
