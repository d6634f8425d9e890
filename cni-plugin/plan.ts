/**
 * What an ADD asks for, made of the configuration, the environment and the node. Pure.
 */
import {
  familyOf,
  formatAddress,
  maskAddress,
  parseAddress,
  parseInterface,
  type Attachment,
  type Family,
} from '#ipam';
import type {NetworkConfig, Requested} from './config.js';
import {toAddress} from './config.js';
import type {Environment} from './environment.js';
import {CNI_CODE, CniError} from './error.js';
import type {Expected} from './inspect.js';
import {parseMac, toMacOctets} from './mac.js';
import {derivedMac, hostInterfaceName} from './names.js';
import type {NodeState} from './port.js';
import type {Result} from './result.js';
import {defaultDestination, type Destination, type LinkWiring, type Wiring} from './wiring.js';

export type NewAttachment = Omit<Attachment, 'addresses' | 'createdAt' | 'state' | 'external'>;

/** linux/ipv6.h IPV6_MIN_MTU */
const IPV6_MIN_MTU = 1280;

/**
 * Who asks for addresses and a MAC, most particular first: the runtime, `args`, CNI_ARGS, the
 * pod's annotations.
 * @throws CniError 4 when CNI_ARGS has no addresses or no MAC where it says so.
 */
export function chooseRequested(config: NetworkConfig, {args}: Environment): Requested {
  const ips = args.ips.map(text => toAddress(text) ?? refuse(`IP ${text.slice(0, 64)}`));
  const text = args.mac;
  const mac =
    text === undefined ? undefined : (parseMac(text) ?? refuse(`MAC ${text.slice(0, 64)}`));
  const sources: readonly Requested[] = [
    config.runtime,
    config.args,
    mac === undefined ? {ips} : {ips, mac},
    config.annotations,
  ];
  const chosenIps = sources.find(source => source.ips.length > 0)?.ips ?? [];
  const chosenMac = sources.find(source => source.mac !== undefined)?.mac;
  return chosenMac === undefined ? {ips: chosenIps} : {ips: chosenIps, mac: chosenMac};
}

/** @throws CniError 7 when the MTU is too small for a family that the pod may get. */
export function planAttachment(
  config: NetworkConfig,
  environment: Environment,
  node: NodeState,
  netns: string,
): NewAttachment {
  const {containerId, ifName, netnsPath, args} = environment;
  const isWired = config.ipam !== 'only';
  const mtu = config.mtu ?? node.mtu;
  if (isWired && mtu < IPV6_MIN_MTU && node.families.includes('ipv6')) {
    throw new CniError(CNI_CODE.invalidConfig, `mtu: IPv6 needs ${IPV6_MIN_MTU}, not ${mtu}`);
  }
  const {mac = derivedMac(containerId, ifName)} = chooseRequested(config, environment);
  return {
    containerId,
    ifName,
    network: config.name,
    hostInterface: isWired ? hostInterfaceName(containerId, ifName) : '',
    mac,
    netns,
    ...(isWired ? {mtu} : {}),
    ...(args.namespace === undefined || args.name === undefined
      ? {}
      : {
          pod: {
            namespace: args.namespace,
            name: args.name,
            ...(args.uid === undefined ? {} : {uid: args.uid}),
          },
        }),
    ...(Object.keys(config.labels).length === 0 ? {} : {labels: config.labels}),
    ...(netnsPath === '' ? {} : {sandbox: netnsPath}),
  };
}

/** A delegated result's addresses without their lengths: a pod's address stands alone here. */
export function delegatedAddresses({ips}: Result): readonly string[] {
  return ips.flatMap(({address}) => {
    const octets = parseInterface(address)?.address;
    return octets === undefined ? [] : [formatAddress(octets)];
  });
}

/**
 * What the pod reaches through its gateway. A delegated result's own routes replace the default
 * ones; its gateways do not matter, since the host is the next hop for everything.
 */
export function planDestinations(
  addresses: readonly string[],
  delegated: Result | undefined,
): readonly Destination[] {
  const routes = delegated?.routes ?? [];
  if (delegated === undefined || routes.length === 0) {
    return familiesOf(addresses).map(defaultDestination);
  }
  const wanted = [...routes.map(({dst}) => dst), ...delegated.ips.map(({address}) => address)];
  const found = wanted.flatMap(text => parseInterface(text) ?? []).map(toDestination);
  const isHost = ({address, bits}: Destination) => bits === address.length * 8;
  return uniqueDestinations(found.filter(destination => !isHost(destination)));
}

export function planLink(attachment: NewAttachment): Omit<LinkWiring, 'index'> {
  const {hostInterface, ifName, mac, mtu = IPV6_MIN_MTU} = attachment;
  return {hostInterface, ifName, podMac: toMacOctets(mac), mtu};
}

export function planWiring(
  attachment: Attachment,
  index: number,
  delegated: Result | undefined,
): Wiring {
  const {addresses} = attachment;
  const destinations = planDestinations(addresses, delegated);
  return {...planLink(attachment), index, addresses: toOctets(addresses), destinations};
}

/** `listed`: prevResult, which later plugins of the chain may have changed. */
export function planExpected(
  attachment: Attachment,
  listed?: Result,
  delegated?: Result,
): Expected {
  const {hostInterface, ifName, mac, mtu, addresses, external} = attachment;
  const known = listed?.interfaces.find(
    ({name, sandbox}) => name === ifName && sandbox !== undefined,
  );
  const isUnknown = external === true && delegated === undefined;
  return {
    hostInterface,
    ifName,
    podMac: known?.mac?.toLowerCase() ?? mac,
    ...(mtu === undefined ? {} : {maxMtu: Math.max(mtu, known?.mtu ?? 0)}),
    addresses: toOctets(addresses),
    destinations: isUnknown ? [] : planDestinations(addresses, delegated),
  };
}

export function familiesOf(addresses: readonly string[]): readonly Family[] {
  return [...new Set(toOctets(addresses).map(familyOf))];
}

function toOctets(addresses: readonly string[]): readonly Uint8Array[] {
  return addresses.flatMap(text => parseAddress(text) ?? []);
}

function toDestination({address, bits}: {address: Uint8Array; bits: number}): Destination {
  return {address: maskAddress(address, bits), bits};
}

function uniqueDestinations(destinations: readonly Destination[]): readonly Destination[] {
  const byText = new Map(
    destinations.map(destination => [
      `${formatAddress(destination.address)}/${destination.bits}`,
      destination,
    ]),
  );
  return [...byText.values()];
}

function refuse(what: string): never {
  throw new CniError(CNI_CODE.invalidEnvironment, `CNI_ARGS: ${what} cannot be read`);
}
