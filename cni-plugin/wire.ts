/**
 * Makes a wiring real. Shell. Leaves clearing up to its caller: whatever was made goes when the
 * host link goes.
 */
import {getLink, type NetlinkError, type NetlinkSocket} from '#native-addon';
import type {CniContext} from './context.js';
import {CNI_CODE, CniError} from './error.js';
import {
  hostRequests,
  linkRequests,
  podRequests,
  type LinkWiring,
  type PodRequest,
  type Wiring,
} from './wiring.js';

const LINK_ATTEMPTS = 8;

/** The pod's namespace: its descriptor, and a socket that may still be opening. */
export interface PodNamespace {
  readonly descriptor: number;
  readonly socket: Promise<NetlinkSocket>;
}

/**
 * Both ends of the link, the host's up. Resolves with their index.
 * @throws CniError 4 when the pod has an interface of that name already; else see toCniError.
 */
export async function createLink(
  context: CniContext,
  link: Omit<LinkWiring, 'index'>,
  pod: PodNamespace,
): Promise<number> {
  const {host} = context.kernel;
  for (let attempt = 1; ; attempt++) {
    const index = context.nextIndex();
    const errors = await host.send(linkRequests({...link, index}, pod.descriptor));
    const [error] = errors;
    if (error === undefined) {
      throwFirst(errors);
      return index;
    }
    if (attempt === LINK_ATTEMPTS) throw toCniError(error);
    if (error.code === 'EEXIST') await clearName(context, link, pod);
    else if (error.code !== 'EBUSY') {
      await pod.socket; // knows whether the descriptor is a network namespace at all
      throw toCniError(error);
    }
  }
}

/** Addresses, routes and neighbours of both ends, and the pod's end up. @throws as createLink. */
export async function connect(
  context: CniContext,
  wiring: Wiring,
  pod: PodNamespace,
): Promise<void> {
  const [errors] = await Promise.all([
    context.kernel.host.send(hostRequests(wiring)),
    connectPod(context, wiring, pod),
  ]);
  throwFirst(errors);
}

/** EEXIST does not say which end's name is in use. A host link under our derived name is ours. */
async function clearName(
  context: CniContext,
  {hostInterface, ifName}: Omit<LinkWiring, 'index'>,
  pod: PodNamespace,
): Promise<void> {
  if ((await context.kernel.host.get(getLink({name: hostInterface}))) !== undefined) {
    await context.reaper.reap(hostInterface);
    return;
  }
  const socket = await pod.socket;
  if ((await socket.get(getLink({name: ifName}))) !== undefined) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      `CNI_IFNAME: the pod's namespace has an interface ${ifName} already`,
    );
  }
}

async function connectPod(context: CniContext, wiring: Wiring, pod: PodNamespace): Promise<void> {
  const socket = await pod.socket;
  let failed = await sendPod(socket, podRequests(wiring));
  // linux/net/ipv6/addrconf.c addrconf_add_dev(): EACCES is disable_ipv6. Runtimes and images set
  // it; a pod that is given an IPv6 address is meant to have IPv6.
  if (failed.some(({error}) => error.code === 'EACCES')) {
    await context.kernel.enableIpv6(pod.descriptor, wiring.ifName);
    const rest = failed.map(({request}) => request);
    failed = await sendPod(socket, rest);
  }
  throwFirst(failed.map(({error}) => error));
}

interface Failed {
  readonly request: PodRequest;
  readonly error: NetlinkError;
}

async function sendPod(
  socket: NetlinkSocket,
  requests: readonly PodRequest[],
): Promise<readonly Failed[]> {
  const errors = await socket.send(requests.map(({request}) => request));
  return requests.flatMap((request, at) => {
    const error = errors[at];
    const isFine = error === undefined || (request.mayExist && error.code === 'EEXIST');
    return isFine ? [] : [{request, error}];
  });
}

function throwFirst(errors: readonly (NetlinkError | undefined)[]): void {
  const error = errors.find(candidate => candidate !== undefined);
  if (error !== undefined) throw toCniError(error);
}

/** 11 for what may pass (no memory, a busy kernel), 999 for what will not. */
export function toCniError(error: NetlinkError): CniError {
  const code = error.retry === 'never' ? CNI_CODE.internal : CNI_CODE.tryAgainLater;
  return new CniError(code, `the kernel refused: ${error.message}`, {cause: error});
}
