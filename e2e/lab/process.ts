/**
 * Processes of the lab: short ones that are run to their end, long ones whose output is kept. Shell.
 *
 * A command that enters a machine goes through nsenter, which forks: the process that does the work
 * is a child of the one Node knows, so signals are sent to that child.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>; // added to ours; undefined unsets
  readonly timeoutMs?: number;
  /** A program that ends with another code than 0 is an answer, not an error. */
  readonly mayFail?: boolean;
}

export interface Output {
  readonly code: number; // 128 + signal when a signal ended it
  readonly stdout: string;
  readonly stderr: string;
}

/** A command ended badly, or not in time. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'COMMAND';

  constructor(argv: readonly string[], output: Output, reason = `exit code ${output.code}`) {
    super(`${readable(argv)}: ${reason}\n${output.stderr}${output.stdout}`.trimEnd());
  }
}

/** @throws CommandError when the program fails (unless `mayFail`) or takes over `timeoutMs`. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Output> {
  const {input, timeoutMs = 30_000, mayFail = false} = options;
  await nextSpawn();
  const child = start(argv, options.env, ['pipe', 'pipe', 'pipe']);
  const chunks = {stdout: [] as Buffer[], stderr: [] as Buffer[]};
  child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk));
  child.stdin?.on('error', () => undefined); // a program may end before it has read everything
  child.stdin?.end(input ?? '');

  let late = false;
  const timer = setTimeout(() => {
    late = true;
    signalWorker(child, argv, 'SIGKILL');
  }, timeoutMs);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? 128 + (signal ? 9 : 0)));
  });
  clearTimeout(timer);

  const output = {
    code,
    stdout: Buffer.concat(chunks.stdout).toString(),
    stderr: Buffer.concat(chunks.stderr).toString(),
  };
  if (late) throw new CommandError(argv, output, `not done within ${timeoutMs} ms`);
  if (code !== 0 && !mayFail) throw new CommandError(argv, output);
  return output;
}

let spawns: Promise<void> = Promise.resolve();

/** One in each turn of the event loop: where hundreds are wanted at once, the first would wait for its input to end. */
function nextSpawn(): Promise<void> {
  spawns = spawns.then(() => new Promise(resolve => setImmediate(resolve)));
  return spawns;
}

/** A process that runs until it is told to stop. Its lines are kept, stdout and stderr in one list. */
export class LongProcess {
  readonly lines: string[] = [];
  readonly exited: Promise<number>;
  readonly #argv: readonly string[];
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();
  readonly #followers: ((line: string) => void)[] = [];
  #code: number | undefined;

  constructor(
    argv: readonly string[],
    options: {env?: RunOptions['env']; detached?: boolean} = {},
  ) {
    this.#argv = argv;
    this.#child = start(argv, options.env, ['pipe', 'pipe', 'pipe'], options.detached);
    const onLine = (line: string) => {
      this.lines.push(line);
      for (const hear of this.#followers) hear(line);
      this.#wake();
    };
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({input: stream}).on('line', onLine);
    }
    this.#child.stdin?.on('error', () => undefined);
    this.exited = new Promise(resolve => {
      const done = (code: number) => {
        this.#code ??= code;
        this.#wake();
        resolve(this.#code);
      };
      this.#child.once('error', error => {
        this.lines.push(error.message);
        done(127);
      });
      this.#child.once('close', (code, signal) => done(code ?? 128 + (signal ? 9 : 0)));
    });
  }

  /** The process Node started, which may be nsenter. */
  get outerPid(): number {
    return this.#child.pid ?? 0;
  }

  /** The program itself, behind nsenter. */
  get pid(): number {
    return workerOf(this.outerPid, this.#argv);
  }

  get running(): boolean {
    return this.#code === undefined;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Every line it said, and every one that it will say. */
  follow(hear: (line: string) => void): void {
    for (const line of this.lines) hear(line);
    this.#followers.push(hear);
  }

  /** Resolves with the first line, from `from` on, that `matches`. @throws CommandError when it ends or time runs out. */
  async line(matches: (line: string) => boolean, withinMs: number, from = 0): Promise<string> {
    let next = from;
    const deadline = Date.now() + withinMs;
    for (;;) {
      for (; next < this.lines.length; next++) {
        const line = this.lines[next];
        if (line !== undefined && matches(line)) return line;
      }
      if (!this.running) throw this.#error(`ended with code ${this.#code}`);
      if (!(await this.#nextChange(deadline - Date.now()))) {
        throw this.#error(`said nothing of what was expected within ${withinMs} ms`);
      }
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    if (this.running) signalWorker(this.#child, this.#argv, signal);
    return this.exited;
  }

  /** By -9 with all that it started, so that nothing is left to say a last word. */
  async cut(): Promise<number> {
    const others = this.running ? descendantsOf(this.pid) : [];
    for (const pid of others) signalIfThere(pid, 'SIGSTOP'); // or the last one hears that the first has gone
    for (const pid of others) signalIfThere(pid, 'SIGKILL');
    return this.kill('SIGKILL');
  }

  /** Ends what SIGSTOP began; nsenter stops itself when its program is stopped. */
  wake(): void {
    if (this.running) signalIfThere(this.outerPid, 'SIGCONT');
  }

  #error(reason: string): CommandError {
    const stdout = this.lines.slice(-40).join('\n');
    return new CommandError(this.#argv, {code: this.#code ?? -1, stdout, stderr: ''}, reason);
  }

  #nextChange(withinMs: number): Promise<boolean> {
    return new Promise(resolve => {
      const settle = (changed: boolean) => {
        this.#waiters.delete(wake);
        clearTimeout(timer);
        resolve(changed);
      };
      const wake = () => settle(true);
      const timer = setTimeout(() => settle(false), Math.max(0, withinMs));
      this.#waiters.add(wake);
    });
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }
}

/** It may have just ended: with its parent or its sibling, or by a Ctrl-C, which reaches all of a terminal. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** nsenter's only child; else the process itself. */
function workerOf(pid: number, argv: readonly string[]): number {
  return argv.includes('nsenter') ? (childrenOf(pid)[0] ?? pid) : pid;
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // gone
  }
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap(child => [...descendantsOf(child), child]);
}

function start(
  argv: readonly string[],
  env: RunOptions['env'],
  stdio: ['pipe', 'pipe', 'pipe'],
  detached = false,
): ChildProcess {
  const [program = '', ...rest] = argv;
  return spawn(program, rest, {stdio, detached, env: {...process.env, ...env}});
}

function signalWorker(child: ChildProcess, argv: readonly string[], signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  signalIfThere(workerOf(child.pid, argv), signal);
}

/** What was asked for, without the way into the namespace. */
function readable(argv: readonly string[]): string {
  const start = argv.indexOf('--', argv.indexOf('nsenter')) + 1;
  return argv.slice(start).join(' ');
}
