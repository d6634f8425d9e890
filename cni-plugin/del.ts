/**
 * DEL. Shell. Succeeds for what is not there, for a namespace that is gone, without prevResult, and
 * with a configuration of which only version and name can be read.
 *
 * Answered when the routes are withdrawn and the journal says `deleting`; see retirement.ts for
 * what comes after. Only a delegated address is waited for to the end: its own plugin gives it away
 * as soon as we answer.
 */
import {getLink} from '#native-addon';
import type {Call, CniContext} from './context.js';
import {toJournalError} from './allocation.js';
import {parseEnvironment} from './environment.js';
import {attachmentKey, hostInterfaceName} from './names.js';
import {orAborted} from './steps.js';

/** @throws CniError 1, 4, 6, 7 for a request that says nothing; 5 when the journal fails. */
export async function del(context: CniContext, call: Call): Promise<void> {
  const {containerId, ifName} = parseEnvironment(call.frame, 'DEL');
  const endTurn = await context.lock.acquire(attachmentKey(containerId, ifName), call.signal);
  const work = detach(context, {containerId, ifName, network: call.base.name});
  call.keepUntil(work.catch(() => undefined).then(endTurn));
  await orAborted(work, call.signal);
}

interface Target {
  readonly containerId: string;
  readonly ifName: string;
  readonly network: string;
}

async function detach(context: CniContext, {containerId, ifName, network}: Target): Promise<void> {
  const {book, kernel, reaper, retirement} = context;
  const attachment = book.get(containerId, ifName);
  if (attachment === undefined) {
    // The journal was lost or the ADD never finished; the link's name says whose it is.
    const link = hostInterfaceName(containerId, ifName);
    if ((await kernel.host.get(getLink({name: link}))) !== undefined) void reaper.reap(link);
    return;
  }
  // The same name in another network of ours is another attachment, and none of this DEL's.
  if (attachment.network !== network) return;
  try {
    await retirement.retire(attachment);
  } catch (cause) {
    throw toJournalError(cause);
  }
  if (attachment.external === true) await retirement.gone(attachmentKey(containerId, ifName));
}
