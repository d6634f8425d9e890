/**
 * Whether this node's speaker has run before: the R bit of graceful restart (RFC 4724 §3). Shell. A file
 * in the state directory says it, nothing else is kept on disk: the routes are in the kernel, and which
 * families are still there (F) is looked up, not remembered.
 *
 * R is true after a reboot as well: it says that we restart, so that no peer waits for our End-of-RIB.
 * It is the F bits that then say that nothing was preserved.
 */
import {mkdir, open, rm} from 'node:fs/promises';
import {join} from 'node:path';

const NAME = 'bgp-has-run';

/** To be called before the first session; from then on every start is a restart. */
export async function markRun(stateDir: string): Promise<{readonly restarted: boolean}> {
  await mkdir(stateDir, {recursive: true, mode: 0o700});
  try {
    const file = await open(join(stateDir, NAME), 'wx', 0o600);
    await file.close();
    return {restarted: false};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return {restarted: true};
    throw error;
  }
}

/** The node speaks BGP no more: a later start is a first one. */
export async function forgetRun(stateDir: string): Promise<void> {
  await rm(join(stateDir, NAME), {force: true});
}
