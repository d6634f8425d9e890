/** What a program around a lab has in place of a test: its command line, and what it undoes at its end. Shell. */
import type {Scope} from '../lab.js';

/** Ends the process, with its usage, for --help and for arguments that `read` refuses. */
export function readArguments<T>(
  name: string,
  usage: string,
  read: (argv: readonly string[]) => T | 'help',
): T {
  try {
    const options = read(process.argv.slice(2));
    if (options !== 'help') return options;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : error}\n\n${usage}`);
    process.exit(2);
  }
}

export class ProgramScope implements Scope {
  readonly #undo: (() => Promise<void>)[] = [];

  teardown(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  async close(): Promise<void> {
    for (let undo = this.#undo.pop(); undo; undo = this.#undo.pop()) await undo();
  }
}
