/**
 * ADD. Shell.
 *
 *                            +-> address in the journal, durable -+
 *   understand -> its turn --+-> link, host end up ---------------+--> both ends connected -> answer
 *                            +-> socket in the pod's namespace ---+
 *
 * Each part is a step with undo, under a deadline shorter than any runtime's: what is not done by
 * then is undone, and the runtime hears 11. After a crash the link tells how far an ADD came (see
 * recovery.ts), so it may be made before the journal knows, and `ready` is written behind the answer.
 */
import type {AllocationRequest, Attachment} from '#ipam';
import {allocate} from './allocation.js';
import {toIpamResult, toResult} from './attachment-result.js';
import {parseConfig, type NetworkConfig} from './config.js';
import type {Call, CniContext} from './context.js';
import {parseEnvironment} from './environment.js';
import {CNI_CODE, CniError} from './error.js';
import {compare, observe} from './inspect.js';
import {decodeJson} from './json.js';
import {attachmentKey} from './names.js';
import {identifyNamespace, missingNamespace, openPod} from './namespace.js';
import {
  chooseRequested,
  delegatedAddresses,
  planAttachment,
  planExpected,
  planLink,
  planWiring,
  type NewAttachment,
} from './plan.js';
import type {NodeState} from './port.js';
import {formatResult, parseResult, type Result} from './result.js';
import {endOf, runSteps, together, type Step} from './steps.js';
import {connect, createLink, type PodNamespace} from './wire.js';

/** A request that has been understood. */
interface Wish {
  readonly config: NetworkConfig;
  readonly delegated: Result | undefined;
  readonly fresh: NewAttachment;
  readonly request: AllocationRequest;
}

/** One ADD in its turn. `attachment` and `index` are set by its steps. */
interface Work {
  readonly context: CniContext;
  readonly wish: Wish;
  readonly pod: PodNamespace | undefined; // none where we are only asked for addresses
  attachment: Attachment | undefined;
  index: number;
}

/** @throws CniError. Nothing is left of an ADD that throws, except what `keepUntil` still undoes. */
export async function add(context: CniContext, call: Call): Promise<object> {
  const wish = understand(context, call);
  const {containerId, ifName, hostInterface} = wish.fresh;
  const key = attachmentKey(containerId, ifName);
  const endTurn = await context.lock.acquire(key, call.signal);
  let settled: Promise<unknown> = Promise.resolve();
  let pod: PodNamespace | undefined;
  context.unborn.add(hostInterface);
  try {
    const existing = await findExisting(context, wish.fresh);
    pod = hostInterface === '' ? undefined : enter(context, call);
    const work: Work = {context, wish, pod, attachment: existing, index: 0};
    const run = runSteps(existing === undefined ? freshSteps(work) : againSteps(work), call.signal);
    settled = run.settled;
    await endOf(run, call.signal, error =>
      context.report({what: 'a failed ADD could not be undone', key, error}),
    );
    return answer(work);
  } finally {
    const end = () => {
      context.unborn.delete(hostInterface);
      endTurn();
    };
    call.keepUntil(leave(settled, pod).finally(end));
  }
}

/** @throws CniError 4 without a descriptor. */
function enter({kernel}: CniContext, {descriptor}: Call): PodNamespace {
  if (descriptor === undefined) throw missingNamespace();
  const socket = openPod(kernel, descriptor);
  socket.catch(() => undefined); // awaited by the step that needs it
  return {descriptor, socket};
}

/** Closing joins a thread, which the answer need not wait for. */
async function leave(settled: Promise<unknown>, pod: PodNamespace | undefined): Promise<void> {
  await settled;
  if (pod === undefined) return;
  await afterAnswer();
  await pod.socket.then(
    socket => socket.close(),
    () => undefined,
  );
}

function afterAnswer(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}

/** @throws CniError when the request cannot be served as it is, or not at this time. */
function understand({node, kernel}: CniContext, {frame, json, base, descriptor}: Call): Wish {
  const environment = parseEnvironment(frame, 'ADD');
  const config = parseConfig(json, base, 'ADD');
  if (config.ipam !== 'only' && environment.netnsPath === '') {
    throw new CniError(CNI_CODE.invalidEnvironment, 'CNI_NETNS is missing');
  }
  const netns = identifyNamespace(kernel, descriptor);
  const delegated =
    config.ipam === 'delegated'
      ? parseResult(decodeJson(frame.ipamResult, 'ipamResult'), 'ipamResult')
      : undefined;
  if (delegated?.ips.length === 0) {
    throw new CniError(CNI_CODE.invalidConfig, 'ipamResult.ips: the IPAM plugin gave no address');
  }
  const state = node.state();
  requireServing(state, config);
  const fresh = planAttachment(config, environment, state, netns);
  const {ips: requested} = chooseRequested(config, environment);
  const request = {
    attachment: fresh,
    families: state.families,
    ...(requested.length === 0 ? {} : {requested}),
    ...(delegated === undefined ? {} : {external: delegatedAddresses(delegated)}),
  };
  return {config, delegated, fresh, request};
}

/** Addresses of an unsafe lease may be another node's by now. Pods that run keep theirs. */
function requireServing({canServe, ranges, reason}: NodeState, {ipam}: NetworkConfig): void {
  const why = reason === undefined ? {} : {details: reason};
  if (!canServe)
    throw new CniError(CNI_CODE.tryAgainLater, 'twilld is not ready on this node yet', why);
  if (ranges === 'held' || ipam === 'delegated') return;
  throw new CniError(
    CNI_CODE.tryAgainLater,
    ranges === 'none'
      ? 'this node holds no address range: no addresses for pods until it does'
      : "the lease on this node's address ranges is not safe: no new addresses until it is",
    why,
  );
}

/** @throws CniError 4 when the name is taken by an attachment that this ADD does not repeat. */
async function findExisting(
  {book, retirement}: CniContext,
  fresh: NewAttachment,
): Promise<Attachment | undefined> {
  const {containerId, ifName} = fresh;
  const existing = book.get(containerId, ifName);
  if (existing === undefined) return undefined;
  if (existing.state === 'deleting') {
    await retirement.retire(existing);
    await retirement.gone(attachmentKey(containerId, ifName));
    return undefined;
  }
  if (existing.network !== fresh.network || existing.hostInterface !== fresh.hostInterface) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      `CNI_IFNAME: ${ifName} of this container is in use by network ${existing.network}`,
    );
  }
  if (existing.netns !== fresh.netns) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      'CNI_CONTAINERID is attached already, in another network namespace than CNI_NETNS',
    );
  }
  return existing;
}

function freshSteps(work: Work): readonly Step[] {
  const {context, wish, pod} = work;
  const {containerId, ifName, hostInterface} = wish.fresh;
  const address: Step = {
    name: 'address',
    run: async () => {
      work.attachment = await allocate(context, wish.request);
    },
    undo: async () => {
      await context.book.release(containerId, ifName);
    },
  };
  if (pod === undefined) return [address];
  const link: Step = {
    name: 'link',
    run: () => makeLink(work, pod),
    undo: async () => {
      const {attachment} = work;
      if (attachment === undefined) return await context.reaper.reap(hostInterface);
      await context.retirement.retire(attachment);
      await context.retirement.gone(attachmentKey(containerId, ifName));
    },
  };
  const connection: Step = {name: 'connection', run: () => makeConnection(work, pod)};
  return [together([address, link]), connection];
}

/** The pod may be in use: it is only touched where something is amiss, and nothing is undone. */
function againSteps(work: Work): readonly Step[] {
  const {context, wish, pod, attachment} = work;
  if (pod === undefined || attachment === undefined) return [];
  const verify: Step = {
    name: 'verify',
    run: async () => {
      const {host} = context.kernel;
      const expected = planExpected(attachment, undefined, wish.delegated);
      const findings = compare(expected, await observe(host, await pod.socket, expected));
      if (findings.length === 0) return;
      await context.reaper.reap(attachment.hostInterface);
      await makeLink(work, pod);
      await makeConnection(work, pod);
    },
  };
  return [verify];
}

async function makeLink(work: Work, pod: PodNamespace): Promise<void> {
  const {context, wish, attachment} = work;
  const link = planLink(attachment ?? wish.fresh);
  work.index = await createLink(context, link, pod);
}

async function makeConnection({context, wish, attachment, index}: Work, pod: PodNamespace) {
  if (attachment === undefined) throw new Error('an ADD without an attachment');
  await connect(context, planWiring(attachment, index, wish.delegated), pod);
}

/** `ready` may come late or, after a crash, never: a finished ADD is known by its link. */
function answer({context, wish, attachment}: Work): object {
  if (attachment === undefined) throw new Error('an ADD ended without an attachment');
  const {book, report} = context;
  if (attachment.state === 'adding') {
    const mark = afterAnswer().then(() => book.markReady(attachment));
    mark.catch((error: unknown) => {
      const key = attachmentKey(attachment.containerId, attachment.ifName);
      report({what: 'an attachment could not be marked ready', key, error});
    });
  }
  const {config, delegated} = wish;
  const result =
    config.ipam === 'only'
      ? toIpamResult(attachment, book.usage(), config.dns)
      : toResult(attachment, config, delegated);
  return formatResult(result, config.cniVersion);
}
