/**
 * CHECK. Shell. Says everything that is wrong, one sentence each: the journal's entry, prevResult,
 * links, MAC, mtu, addresses, routes and neighbours of both ends.
 */
import {equalAddresses, parseAddress, parseInterface, type Attachment} from '#ipam';
import {parseConfig} from './config.js';
import type {Call, CniContext} from './context.js';
import {parseEnvironment, type Environment} from './environment.js';
import {CNI_CODE, CniError} from './error.js';
import {compare, observe, type Expected} from './inspect.js';
import {attachmentKey} from './names.js';
import {identifyNamespace, openPod} from './namespace.js';
import {planExpected} from './plan.js';
import type {Result} from './result.js';
import {orAborted} from './steps.js';

/** @throws CniError 3 for a container nobody added, 100 with the findings. */
export async function check(context: CniContext, call: Call): Promise<void> {
  const environment = parseEnvironment(call.frame, 'CHECK');
  const config = parseConfig(call.json, call.base, 'CHECK');
  const {prevResult} = config;
  if (prevResult === undefined) throw new CniError(CNI_CODE.invalidConfig, 'prevResult is missing');
  if (config.ipam !== 'only' && environment.netnsPath === '') {
    throw new CniError(CNI_CODE.invalidEnvironment, 'CNI_NETNS is missing');
  }
  const netns = identifyNamespace(context.kernel, call.descriptor);

  const key = attachmentKey(environment.containerId, environment.ifName);
  const endTurn = await context.lock.acquire(key, call.signal);
  const attachment = findAttachment(context, environment, config.name);
  const work =
    attachment === undefined
      ? Promise.resolve<readonly string[]>([])
      : examine(context, {attachment, prevResult, netns, descriptor: call.descriptor});
  call.keepUntil(work.catch(() => undefined).then(endTurn));
  const findings = await orAborted(work, call.signal);
  if (attachment === undefined) {
    throw new CniError(
      CNI_CODE.unknownContainer,
      `container ${environment.containerId} has no ${environment.ifName} in network ${config.name}`,
    );
  }
  const [first, ...more] = findings;
  if (first === undefined) return;
  throw new CniError(
    CNI_CODE.checkFailed,
    more.length === 0 ? first : `${first} (and ${more.length} more)`,
    {details: findings.join('\n')},
  );
}

interface Subject {
  readonly attachment: Attachment;
  readonly prevResult: Result;
  readonly netns: string;
  readonly descriptor: number | undefined;
}

function findAttachment(
  {book}: CniContext,
  {containerId, ifName}: Environment,
  network: string,
): Attachment | undefined {
  const attachment = book.get(containerId, ifName);
  return attachment?.network === network ? attachment : undefined;
}

async function examine(
  {kernel}: CniContext,
  {attachment, prevResult, netns, descriptor}: Subject,
): Promise<readonly string[]> {
  const known = compareJournal(attachment, prevResult);
  if (attachment.hostInterface === '') return known;
  if (attachment.netns !== netns) return [...known, 'CNI_NETNS is not the namespace of the ADD'];
  const expected = withListed(planExpected(attachment, prevResult), prevResult);
  const pod = await openPod(kernel, descriptor);
  try {
    return [...known, ...compare(expected, await observe(kernel.host, pod, expected))];
  } finally {
    pod.close();
  }
}

/** A later plugin may add addresses to the result, but ours must be in it. */
export function compareJournal(
  {addresses, state}: Attachment,
  prevResult: Result,
): readonly string[] {
  const listed = prevResult.ips.flatMap(({address}) => parseInterface(address)?.address ?? []);
  const isListed = (text: string) => {
    const octets = parseAddress(text);
    return octets !== undefined && listed.some(other => equalAddresses(other, octets));
  };
  return [
    ...(state === 'deleting' ? ['the attachment is being deleted'] : []),
    ...addresses
      .filter(text => !isListed(text))
      .map(text => `address ${text} of the journal is not in prevResult`),
  ];
}

/** Addresses that prevResult puts on this interface must be there, whoever added them. */
function withListed(expected: Expected, {interfaces, ips}: Result): Expected {
  const mine = ips.filter(ip => {
    const owner = ip.interface === undefined ? undefined : interfaces[ip.interface];
    return owner?.name === expected.ifName && owner.sandbox !== undefined;
  });
  const listed = mine.flatMap(({address}) => parseInterface(address)?.address ?? []);
  const extra = listed.filter(
    octets => !expected.addresses.some(known => equalAddresses(known, octets)),
  );
  return extra.length === 0 ? expected : {...expected, foreignAddresses: extra};
}
