/**
 * `labTest`: an ava test that needs root, Linux and the named programs. Without them it is skipped and
 * says why; in CI (`CI` set) that is a failure, so a run where everything was skipped cannot pass.
 */
import {accessSync, constants} from 'node:fs';
import {delimiter, join} from 'node:path';

import test, {type ExecutionContext, type Implementation} from 'ava';

// ava's own parent may be killed; then nobody would end this process, and with it its labs.
process.once('disconnect', () => process.exit(1));

const always = ['ip', 'bridge', 'nsenter', 'unshare', 'etcd', 'etcdctl', 'busybox'];

export interface Needs {
  readonly programs?: readonly string[]; // beyond what every lab needs; with a slash: that very file
}

export function labTest(title: string, run: Implementation<[]>, needs: Needs = {}): void {
  const reason = whyNot([...always, ...(needs.programs ?? [])]);
  if (reason === undefined) {
    test.serial(title, run);
  } else if (process.env['CI']) {
    test.serial(title, (t: ExecutionContext) => t.fail(reason));
  } else {
    test.serial.skip(`${title} [${reason}]`, run);
  }
}

function whyNot(programs: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = programs.filter(program => !exists(program));
  return missing.length > 0 ? `needs ${missing.join(', ')}` : undefined;
}

function exists(program: string): boolean {
  const dirs = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return dirs.some(dir => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
