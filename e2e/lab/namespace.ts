/**
 * A machine of the lab: a process that is PID 1 of its own PID namespace and holds a mount, a
 * network and a UTS namespace. Shell.
 *
 * Nothing on the real file system names these namespaces: they live as long as that process, and it
 * lives until its standard input ends. The other end of that pipe is ours, so when the test run ends
 * in any way (also by SIGKILL) the kernel kills every process of the machine, whoever their parents
 * are, and drops its mounts, interfaces and files. There is nothing left to clean up by name.
 */
import {readFileSync} from 'node:fs';

import {
  CommandError,
  LongProcess,
  type Output,
  type RunOptions,
  childrenOf,
  run,
} from './process.js';

export interface NamespaceOptions {
  readonly hostname: string;
  /** The machine this one is nested in; it dies with it. */
  readonly inside?: Namespace;
  /** Shell commands that PID 1 runs before it is ready. */
  readonly setup: string;
  /** Shell commands that run when all of it is gone, outside (outermost machine only). */
  readonly afterwards?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Namespace {
  readonly hostname: string;
  readonly pid: number; // of its PID 1, as seen from the test
  readonly #holder: LongProcess;
  readonly #nested: Namespace[] = [];
  readonly #started: LongProcess[] = [];

  private constructor(hostname: string, pid: number, holder: LongProcess) {
    this.hostname = hostname;
    this.pid = pid;
    this.#holder = holder;
  }

  /** @throws CommandError when a setup command fails. */
  static async open(options: NamespaceOptions): Promise<Namespace> {
    const {hostname, inside, setup, afterwards, env = {}} = options;
    const init = [
      'set -e',
      `echo ${hostname} >/proc/sys/kernel/hostname`,
      'ip link set lo up',
      setup,
      'echo ready',
      'cat >/dev/null', // until the test closes the pipe, or dies
    ].join('\n');
    const unshare = 'unshare --fork --pid --mount --mount-proc --net --uts --kill-child'.split(' ');
    const argv = [...unshare, '--', 'sh', '-c', init];
    const outermost = ['sh', '-c', `"$@"; ${afterwards ?? ':'}`, 'sh', ...argv];
    const holder = new LongProcess(inside ? inside.command(argv) : outermost, {
      env,
      detached: true, // Ctrl-C is for the test, which then closes the pipe
    });
    await holder.line(line => line === 'ready', 10_000);
    const namespace = new Namespace(hostname, initBelow(holder.outerPid), holder);
    if (inside) inside.#nested.push(namespace);
    return namespace;
  }

  /** The command line that runs `argv` in here. `pod` is a named network namespace of this machine. */
  command(argv: readonly string[], pod?: string): readonly string[] {
    const target = String(this.pid);
    const net = pod === undefined ? '--net' : `--net=${this.path(`/run/netns/${pod}`)}`;
    return ['nsenter', '--target', target, '--mount', '--pid', '--uts', net, '--', ...argv];
  }

  run(argv: readonly string[], options?: RunOptions & {pod?: string}): Promise<Output> {
    return run(this.command(argv, options?.pod), options);
  }

  start(
    argv: readonly string[],
    options: {pod?: string; env?: RunOptions['env']} = {},
  ): LongProcess {
    // An nsenter that is stopped (its program was) does not reap: it must die with the test.
    const command = ['setpriv', '--pdeathsig', 'KILL', '--', ...this.command(argv, options.pod)];
    const process = new LongProcess(command, {env: options.env});
    this.#started.push(process);
    return process;
  }

  /** A file of this machine, as seen from the test. */
  path(file: string): string {
    return `/proc/${this.pid}/root${file}`;
  }

  /** Its PID 1 as the machine around it sees it. */
  pidInside(): number {
    return namespacePids(this.pid).at(-2) ?? this.pid;
  }

  /** Pulls the plug: every process of the machine is gone when this resolves. */
  async close(): Promise<void> {
    this.#wake();
    this.#holder.endInput();
    await this.#holder.exited;
  }

  /** Also what a test has stopped can end now. */
  #wake(): void {
    for (const process of this.#started) process.wake();
    for (const namespace of this.#nested) namespace.#wake();
  }
}

/** The first descendant that is PID 1 of a namespace. */
function initBelow(pid: number): number {
  for (let current: number | undefined = pid; current !== undefined;) {
    if (current !== pid && namespacePids(current).at(-1) === 1) return current;
    current = childrenOf(current)[0];
  }
  const output = {code: -1, stdout: '', stderr: ''};
  throw new CommandError(['unshare'], output, `no PID 1 below process ${pid}`);
}

/** The pids of one process, outermost namespace first. */
function namespacePids(pid: number): readonly number[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const line = status.split('\n').find(text => text.startsWith('NSpid:')) ?? '';
  return line.split(/\s+/).slice(1).filter(Boolean).map(Number);
}
