/**
 * GC. Shell. What this network holds and the runtime does not list is retired; then host links that
 * no attachment accounts for. One failure never stops the rest.
 */
import {decodeLink, dumpLinks} from '#native-addon';
import type {Attachment} from '#ipam';
import {parseConfig} from './config.js';
import type {Call, CniContext} from './context.js';
import {CNI_CODE, CniError} from './error.js';
import {attachmentKey} from './names.js';
import {findUnaccounted} from './recovery.js';
import {orAborted} from './steps.js';

/** @throws CniError 101 when something could not be removed, after everything else was. */
export async function gc(context: CniContext, call: Call): Promise<void> {
  const config = parseConfig(call.json, call.base, 'GC');
  const valid = new Set(
    (config.validAttachments ?? []).map(({containerId, ifName}) =>
      attachmentKey(containerId, ifName),
    ),
  );
  const stale = context.book
    .list()
    .filter(attachment => isStale(context, attachment, valid, config.name));
  const failures = await Promise.all(stale.map(attachment => collect(context, attachment, call)));
  const leaks = await reapLeaks(context, call.signal);
  const findings = [...failures, leaks].filter(finding => finding !== undefined);
  if (findings.length === 0) return;
  throw new CniError(
    CNI_CODE.gcIncomplete,
    `${findings.length} of ${stale.length} stale attachments could not be removed`,
    {details: findings.join('\n')},
  );
}

/** An ADD under way cannot be in a list that was made before it began. */
function isStale(
  {lock}: CniContext,
  {containerId, ifName, network, state}: Attachment,
  valid: ReadonlySet<string>,
  name: string,
): boolean {
  const key = attachmentKey(containerId, ifName);
  if (network !== name || valid.has(key)) return false;
  return !(state === 'adding' && lock.isHeld(key));
}

async function collect(
  {book, lock, retirement}: CniContext,
  {containerId, ifName}: Attachment,
  {signal}: Call,
): Promise<string | undefined> {
  const key = attachmentKey(containerId, ifName);
  try {
    const endTurn = await lock.acquire(key, signal);
    try {
      const attachment = book.get(containerId, ifName);
      if (attachment !== undefined) await retirement.retire(attachment);
    } finally {
      endTurn();
    }
    await orAborted(retirement.gone(key), signal);
    return undefined;
  } catch (error) {
    return `${key}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function reapLeaks(
  {kernel, book, reaper, unborn}: CniContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const messages = await kernel.host.dump(dumpLinks({kind: 'veth'}));
    const links = messages.map(({payload}) => decodeLink(payload));
    const gone = findUnaccounted(book.list(), links)
      .leaks.filter(name => !unborn.has(name))
      .map(name => reaper.reap(name));
    await orAborted(Promise.all(gone), signal);
    return undefined;
  } catch (error) {
    return `leaked links: ${error instanceof Error ? error.message : String(error)}`;
  }
}
