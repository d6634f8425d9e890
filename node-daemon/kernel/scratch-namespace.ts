/**
 * For tests: a network namespace with a random name that is gone when the test ends, and
 * `kernelTest`, a test that needs root and some programs. Without them it is skipped and says why;
 * with CI set that is a failure, so a run that skipped everything cannot pass.
 */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';
import test, {type ExecutionContext, type Implementation} from 'ava';
import {type RunProgram, runProgram} from './process.js';

export interface Scratch {
  readonly name: string;
  readonly path: string; // of the namespace file
  /** Runs a program in the namespace. */
  readonly run: RunProgram;
  /** `ip` in the namespace, one command. */
  ip(command: string): Promise<string>;
}

export function kernelTest(
  title: string,
  programs: readonly string[],
  run: Implementation<[]>,
): void {
  const reason = whyNot(['ip', 'nsenter', ...programs]);
  if (reason === undefined) test(title, run);
  else if (process.env['CI']) test(title, t => t.fail(reason));
  else test.skip(`${title} [${reason}]`, run);
}

export async function createScratch(t: ExecutionContext): Promise<Scratch> {
  const name = `twt-${crypto.randomUUID().slice(0, 8)}`;
  await runProgram('ip', ['netns', 'add', name]);
  t.teardown(() => runProgram('ip', ['netns', 'del', name]));
  const path = `/run/netns/${name}`;
  const run: RunProgram = (program, args, options) =>
    runProgram('nsenter', [`--net=${path}`, '--', program, ...args], options);
  const ip = (command: string) => run('ip', command.split(' '));
  await ip('link set lo up');
  return {name, path, run, ip};
}

function whyNot(programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = programs.filter(program => !isInstalled(program));
  return missing.length > 0 ? `needs ${missing.join(', ')}` : undefined;
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some(dir => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
