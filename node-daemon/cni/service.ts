/**
 * Puts the CNI verbs on their socket: recovery first, then what was asked while no daemon ran, then
 * requests. Shell.
 *
 * `<socket>.state` is a link to the state directory: the CNI binary follows it to leave a DEL there
 * when no daemon answers, and so needs no configuration of its own.
 */
import {statSync} from 'node:fs';
import {mkdir, readlink, rename, symlink, unlink} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import {createContext, type CniContext} from '../../cni-plugin/context.js';
import type {CniOptions} from '../../cni-plugin/port.js';
import {recover, reportBroken, type RecoveryPlan} from '../../cni-plugin/recovery.js';
import {createCniHandler} from '../../cni-plugin/server.js';
import {replayTombstones, type ReplayReport} from '../../cni-plugin/tombstones.js';
import {listenUnix} from '#native-addon';
import type {RightOfWay} from '../bgp/right-of-way.js';

const LARGEST_REQUEST = 4 << 20; // the binary takes 1 MiB of stdin; a delegated result and names come on top
const REQUEST_TIMEOUT_MS = 10_000;

export interface CniServiceOptions {
  readonly cni: CniOptions;
  readonly socket: string;
  readonly stateDir: string;
  readonly onRecovered: (plan: RecoveryPlan, replayed: ReplayReport) => void;
  readonly onClientError: (error: Error) => void;
  /** Is told of each verb. */
  readonly verbs?: Pick<RightOfWay, 'enter' | 'leave'>;
}

export interface CniService {
  /** The socket file is the one that is served; somebody may have removed or replaced it. */
  isReachable(): boolean;
  /** No new requests; those under way are answered. */
  close(): Promise<void>;
}

/** @throws NetlinkError 'EADDRINUSE' when another daemon serves this socket. */
export async function startCniService(options: CniServiceOptions): Promise<CniService> {
  const context = createContext(options.cni);
  const tombstones = join(options.stateDir, 'pending-del');
  await mkdir(tombstones, {recursive: true, mode: 0o700});
  await mkdir(dirname(options.socket), {recursive: true, mode: 0o755});

  const plan = await recover(context);
  const replayed = await replayTombstones(context, tombstones);
  reportBroken(context, plan);
  options.onRecovered(plan, replayed);

  const pending = new Set<Promise<void>>();
  const listener = await listen(context, options, pending);
  await linkStateDir(options.socket, options.stateDir);
  await replayTombstones(context, tombstones); // a DEL that came between the first replay and the socket

  const own = statSync(options.socket);
  return {
    isReachable() {
      const now = statSync(options.socket, {throwIfNoEntry: false});
      return now !== undefined && now.ino === own.ino && now.dev === own.dev;
    },
    async close() {
      await listener.close();
      await Promise.allSettled([...pending]);
    },
  };
}

function listen(
  context: CniContext,
  {socket, onClientError, verbs}: CniServiceOptions,
  pending: Set<Promise<void>>,
): Promise<{close(): Promise<void>}> {
  const handle = createCniHandler(context);
  return listenUnix({
    path: socket,
    mode: 0o600,
    maxBytes: LARGEST_REQUEST,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    onRequest: request => {
      verbs?.enter();
      const served = handle(request).finally(() => {
        verbs?.leave();
        pending.delete(served);
      });
      pending.add(served);
    },
    onError: onClientError,
  });
}

async function linkStateDir(socket: string, stateDir: string): Promise<void> {
  const link = `${socket}.state`;
  const target = resolve(stateDir);
  if ((await readlink(link).catch(() => undefined)) === target) return;
  const fresh = `${link}.${process.pid}`;
  await unlink(fresh).catch(() => undefined);
  await symlink(target, fresh);
  await rename(fresh, link);
}
