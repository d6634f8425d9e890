/**
 * Makes a wiring real. Shell. Leaves clearing up to its caller: whatever was made goes when the
 * host link goes.
 */
import {deleteNeighbour, getLink, type NetlinkError, type NetlinkSocket} from '#native-addon';
import {familyOf} from '#ipam';
import type {CniContext} from './context.js';
import {CNI_CODE, CniError} from './error.js';
import {hostRequests, podRequests, withdrawRequests, type Wiring} from './wiring.js';

const INDEX_ATTEMPTS = 8;

/** @throws CniError 4 when the pod has an interface of that name already; else see toCniError. */
export async function wire(
  context: CniContext,
  template: Omit<Wiring, 'index'>,
  descriptor: number,
  pod: NetlinkSocket,
): Promise<void> {
  const wiring = await wireHost(context, template, descriptor, pod);
  await wirePod(context, wiring, descriptor, pod);
}

async function wireHost(
  context: CniContext,
  template: Omit<Wiring, 'index'>,
  descriptor: number,
  pod: NetlinkSocket,
): Promise<Wiring> {
  const {host} = context.kernel;
  for (let attempt = 1; ; attempt++) {
    const wiring = {...template, index: context.nextIndex()};
    const errors = await host.send(hostRequests(wiring, descriptor));
    const [linkError] = errors;
    if (linkError === undefined) {
      throwFirst(errors);
      return wiring;
    }
    // The rest of the batch may have found somebody else's link under the index.
    await takeBack(host, wiring);
    if (attempt === INDEX_ATTEMPTS) throw toCniError(linkError);
    if (linkError.code === 'EEXIST') await clearName(context, wiring, pod);
    else if (linkError.code !== 'EBUSY') throw toCniError(linkError);
  }
}

/** EEXIST does not say which end's name is in use. A host link under our derived name is ours. */
async function clearName(context: CniContext, wiring: Wiring, pod: NetlinkSocket): Promise<void> {
  const {hostInterface, ifName} = wiring;
  if ((await context.kernel.host.get(getLink({name: hostInterface}))) !== undefined) {
    await context.reaper.reap(hostInterface);
    return;
  }
  if ((await pod.get(getLink({name: ifName}))) !== undefined) {
    throw new CniError(
      CNI_CODE.invalidEnvironment,
      `CNI_IFNAME: the pod's namespace has an interface ${ifName} already`,
    );
  }
}

async function takeBack(host: NetlinkSocket, {addresses, index}: Wiring): Promise<void> {
  await host.send([
    ...withdrawRequests(addresses),
    ...addresses.map(destination =>
      deleteNeighbour({family: familyOf(destination), index, state: 0, flags: 0, destination}),
    ),
  ]);
}

async function wirePod(
  context: CniContext,
  wiring: Wiring,
  descriptor: number,
  pod: NetlinkSocket,
): Promise<void> {
  let requests = podRequests(wiring);
  let failed = await sendPod(pod, requests);
  // linux/net/ipv6/addrconf.c addrconf_add_dev(): EACCES is disable_ipv6. Runtimes and images set
  // it; a pod that is given an IPv6 address is meant to have IPv6.
  if (failed.some(({error}) => error.code === 'EACCES')) {
    await context.kernel.enableIpv6(descriptor, wiring.ifName);
    requests = failed.map(({request}) => request);
    failed = await sendPod(pod, requests);
  }
  throwFirst(failed.map(({error}) => error));
}

async function sendPod(pod: NetlinkSocket, requests: ReturnType<typeof podRequests>) {
  const errors = await pod.send(requests.map(({request}) => request));
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
