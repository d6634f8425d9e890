/**
 * The verbs over the Unix socket: one request, one reply. Shell; the edge where every error becomes
 * a CniError and every descriptor is closed.
 */
import {DecodeError, NetlinkError, closeDescriptor, type UnixRequest} from '#native-addon';
import {add} from './add.js';
import {check} from './check.js';
import {decodeConfig, parseBaseConfig} from './config.js';
import type {Call, CniContext} from './context.js';
import {del} from './del.js';
import {CNI_CODE, CniError, toErrorReply} from './error.js';
import {decodeFrame, encodeReply, type Frame} from './frame.js';
import {gc} from './gc.js';
import type {Served} from './port.js';
import {status} from './status.js';
import {
  NEWEST_VERSION,
  parseVerb,
  requireVerb,
  versionReply,
  type CniVersion,
  type Verb,
} from './version.js';
import {toCniError} from './wire.js';

const DEADLINE_MS = 20_000;

/** What a request carries, wherever it came from. */
export interface Incoming {
  readonly data: Uint8Array;
  readonly descriptor: number | undefined; // stays the caller's until `settled`
  readonly closed?: AbortSignal;
}

export interface Outcome {
  readonly reply: Uint8Array;
  readonly served: Served;
  /** Resolves when nothing of the request is going on any more. */
  readonly settled: Promise<unknown>;
}

/** The returned function never rejects. */
export function createCniHandler(context: CniContext): (request: UnixRequest) => Promise<void> {
  return async request => {
    const [descriptor, ...surplus] = request.descriptors;
    surplus.forEach(closeDescriptor);
    const incoming = {data: request.data, descriptor, closed: request.signal};
    const {reply, served, settled} = await serve(context, incoming);
    if (descriptor !== undefined) void settled.then(() => closeDescriptor(descriptor));
    // A caller that is gone has no use for the reply; its DEL will come.
    await request.reply(reply).catch(() => undefined);
    context.onServed?.(served);
  };
}

/** Never rejects: what goes wrong is in the reply. */
export async function serve(context: CniContext, incoming: Incoming): Promise<Outcome> {
  const started = performance.now();
  const deadline = new AbortController();
  const pending: Promise<unknown>[] = [];
  let frame: Frame | undefined;
  let verb: Verb | undefined;
  let error: CniError | undefined;
  let stdout: object | undefined;
  let version = NEWEST_VERSION;
  let forget = () => {};
  try {
    frame = decodeFrame(incoming.data);
    verb = parseVerb(frame.command);
    if (verb === 'VERSION') {
      version = glanceAtVersion(frame);
      stdout = versionReply(version);
    } else {
      const json = decodeConfig(frame.stdin);
      const base = parseBaseConfig(json);
      version = base.cniVersion;
      requireVerb(version, verb);
      forget = startDeadline(context, verb, deadline, incoming.closed);
      const {descriptor} = incoming;
      const keepUntil = (work: Promise<unknown>) => void pending.push(work);
      const {signal} = deadline;
      stdout = await run(context, verb, {frame, json, base, descriptor, signal, keepUntil});
    }
  } catch (thrown) {
    error = translate(thrown);
  } finally {
    forget();
  }
  const text = error === undefined ? stdout : toErrorReply(error, version);
  const served = {
    verb: verb ?? ('unknown' as const),
    containerId: frame?.containerId ?? '',
    ifName: frame?.ifName ?? '',
    code: error?.code ?? (0 as const),
    durationMs: performance.now() - started,
    ...(error === undefined ? {} : {error}),
  };
  return {
    reply: encodeReply(error === undefined ? 0 : 1, text === undefined ? '' : JSON.stringify(text)),
    served,
    settled: Promise.allSettled(pending),
  };
}

async function run(
  context: CniContext,
  verb: Exclude<Verb, 'VERSION'>,
  call: Call,
): Promise<object | undefined> {
  switch (verb) {
    case 'ADD':
      return await add(context, call);
    case 'DEL':
      await del(context, call);
      return undefined;
    case 'CHECK':
      await check(context, call);
      return undefined;
    case 'GC':
      await gc(context, call);
      return undefined;
    case 'STATUS':
      status(context, call);
      return undefined;
  }
}

/** An ADD whose caller is gone is undone at once: nobody will ever use what it makes. */
function startDeadline(
  {clock, addDeadlineMs = DEADLINE_MS, deadlineMs = DEADLINE_MS}: CniContext,
  verb: Verb,
  controller: AbortController,
  closed: AbortSignal | undefined,
): () => void {
  const limitMs = verb === 'ADD' ? addDeadlineMs : deadlineMs;
  const cancel = clock.after(limitMs, () => {
    const what = verb === 'ADD' ? ' and is being undone' : '';
    controller.abort(
      new CniError(CNI_CODE.tryAgainLater, `${verb} took longer than ${limitMs} ms${what}`),
    );
  });
  if (verb !== 'ADD' || closed === undefined) return cancel;
  const onClosed = () =>
    controller.abort(new CniError(CNI_CODE.tryAgainLater, 'the caller went away'));
  if (closed.aborted) onClosed();
  closed.addEventListener('abort', onClosed, {once: true});
  return () => {
    cancel();
    closed.removeEventListener('abort', onClosed);
  };
}

function translate(thrown: unknown): CniError {
  if (thrown instanceof CniError) return thrown;
  if (thrown instanceof NetlinkError) return toCniError(thrown);
  if (thrown instanceof DecodeError) {
    return new CniError(CNI_CODE.undecodable, `request: ${thrown.message}`, {cause: thrown});
  }
  return new CniError(CNI_CODE.internal, 'internal error of twilld', {
    details: thrown instanceof Error ? thrown.message : String(thrown),
    cause: thrown,
  });
}

/** VERSION needs no configuration; with one, the answer is in its version. */
function glanceAtVersion(frame: Frame): CniVersion {
  try {
    return parseBaseConfig(decodeConfig(frame.stdin)).cniVersion;
  } catch {
    return NEWEST_VERSION;
  }
}
