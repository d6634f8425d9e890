/**
 * One daemon per state directory: a second one would rewrite the journal under the first. Shell.
 *
 * An abstract Unix socket (unix(7)) is the lock: the kernel gives a name to one process of a network
 * namespace and takes it back when that dies, so there is no stale lock file to explain.
 */
import {createHash} from 'node:crypto';
import {mkdir, realpath} from 'node:fs/promises';
import {createServer} from 'node:net';

export class StateLockedError extends Error {
  override readonly name = 'StateLockedError';
  readonly code = 'STATE_LOCKED';
  readonly retry = 'never';
}

/** Held until the process ends or `close`. @throws StateLockedError when another daemon has it. */
export async function lockState(stateDir: string): Promise<{close(): void}> {
  await mkdir(stateDir, {recursive: true, mode: 0o700});
  const hash = createHash('sha256').update(await realpath(stateDir)); // a name has 107 octets at most
  const name = `\0twilld ${hash.digest('hex')}`;
  const server = createServer(socket => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const message = `another twilld of this host uses ${stateDir}`;
      reject(isTaken ? new StateLockedError(message, {cause}) : cause);
    });
    server.listen(name, resolve);
  });
  server.unref();
  return {close: () => void server.close()};
}
