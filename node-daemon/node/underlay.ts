/**
 * Which interface and addresses lead to the other hosts. Pure: from dumps and the two settings
 * `node.address` and `node.address6` to a choice or the reason why there is none.
 *
 * An operator's explicit wish that cannot be met is a reason, never a silent second best: it may be
 * met a moment later, when the interface has come up. With `auto` one family may be missing.
 * Ours and other tools' pod devices are never an underlay, and neither is a route that we put there.
 */
import {
  type Address,
  type Link,
  RTN_LOCAL,
  RTN_UNICAST,
  RTPROT_TWILL,
  RT_TABLE_MAIN,
  type Route,
} from '#native-addon';
import {
  type Family,
  contains,
  equalAddresses,
  formatAddress,
  parseAddress,
  parsePrefix,
} from '#ipam';
import type {UnderlayAddress} from '../config/underlay.js';
import type {ByFamily} from '../state/peer.js';
import type {Underlay} from '../state/state.js';
import {byPreference, isPassing, isUsable} from './underlay-address.js';
import {byIndex, mayBeUnderlay} from './underlay-link.js';

export interface UnderlayView {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[]; // in the order of the dump
  readonly routes: readonly Route[]; // default routes are looked at, others ignored
  /** The kernel's answer to `ip route get`, where a setting is can-reach. */
  readonly reach: ByFamily<Route>;
}

export type UnderlaySettings = Readonly<Record<Family, UnderlayAddress>>;

export type UnderlayChoice =
  | {
      readonly kind: 'found';
      readonly underlay: Underlay;
      readonly missing: readonly string[]; // why a family is not there, for the log
    }
  | {readonly kind: 'none'; readonly reason: string};

/** Whether connections from the addresses of the earlier choice may be dead, or new ones possible. */
export function hasMoved(before: UnderlayChoice | undefined, after: UnderlayChoice): boolean {
  return before !== undefined && addressesOf(before) !== addressesOf(after);
}

function addressesOf(choice: UnderlayChoice): string {
  if (choice.kind === 'none') return '';
  const {ipv4, ipv6} = choice.underlay.addresses;
  return [ipv4, ipv6].map(each => each && formatAddress(each.address)).join();
}

export function chooseUnderlay(view: UnderlayView, settings: UnderlaySettings): UnderlayChoice {
  const ipv4 = choose({family: 'ipv4', setting: settings.ipv4, view});
  const near = ipv4.kind === 'found' ? ipv4.link : undefined;
  const ipv6 = choose({family: 'ipv6', setting: settings.ipv6, view, ...(near && {near})});

  const missing: string[] = [];
  for (const [choice, name] of [
    [ipv4, 'IPv4'],
    [ipv6, 'IPv6'],
  ] as const) {
    if (choice.kind === 'unmet') return {kind: 'none', reason: `${name}: ${choice.reason}`};
    if (choice.kind === 'missing') missing.push(`${name}: ${choice.reason}`);
  }
  const found4 = ipv4.kind === 'found' ? ipv4 : undefined;
  const found6 = ipv6.kind === 'found' ? ipv6 : undefined;
  const link = found4?.link ?? found6?.link;
  if (link === undefined) {
    return {kind: 'none', reason: missing.join('; ') || 'both families are switched off'};
  }
  const underlay: Underlay = {
    ifindex: link.index,
    name: link.name,
    mtu: Math.min(link.mtu, found6?.link.mtu ?? link.mtu),
    addresses: {
      ...(found4 && {ipv4: toInterfaceAddress(found4.address)}),
      ...(found6 && {ipv6: toInterfaceAddress(found6.address)}),
    },
  };
  return {kind: 'found', underlay, missing};
}

interface Question {
  readonly family: Family;
  readonly setting: UnderlayAddress;
  readonly view: UnderlayView;
  /** The interface of the other family: with `auto`, both had better use the same one. */
  readonly near?: Link;
}

type Choice =
  | {readonly kind: 'found'; readonly link: Link; readonly address: Address}
  | {readonly kind: 'missing'; readonly reason: string}
  | {readonly kind: 'unmet'; readonly reason: string}
  | {readonly kind: 'off'};

function choose(question: Question): Choice {
  const {setting} = question;
  switch (setting.kind) {
    case 'none':
      return {kind: 'off'};
    case 'auto':
      return chooseAuto(question);
    case 'address':
      return chooseFixed(question, setting.address);
    case 'interface':
      return chooseByName(question, setting.pattern);
    case 'cidr':
      return chooseInside(question, setting.cidr);
    case 'can-reach':
      return chooseTowards(question, setting.address);
    default:
      return setting satisfies never;
  }
}

/** The interface of the default route; without one, the first that can be meant. */
function chooseAuto({family, view, near}: Question): Choice {
  const defaults = defaultRoutes(family, view);
  for (const {link, source} of defaults) {
    const named = source && findAddress(view, family, source);
    if (named) return {kind: 'found', link, address: named};
  }
  const others = defaults.length > 0 ? [] : [...view.links].filter(mayBeUnderlay).sort(byIndex);
  for (const link of [...(near ? [near] : []), ...defaults.map(at => at.link), ...others]) {
    const address = firstAddress(view, family, link);
    if (address !== undefined) return {kind: 'found', link, address};
  }
  const names = defaults.map(({link}) => link.name).join(', ');
  const reason =
    names === ''
      ? 'no default route, and no interface that is up, but for those of pods, has a global address'
      : `${names} of the default route has no global address`;
  return {kind: 'missing', reason};
}

function chooseFixed({family, view}: Question, text: string): Choice {
  const wanted = parseAddress(text);
  const address = wanted && findAddress(view, family, wanted);
  const link = address && linkOf(view, address.index);
  if (address && link) return {kind: 'found', link, address};
  return {kind: 'unmet', reason: `no interface has the address ${text}`};
}

function chooseByName({family, view}: Question, pattern: RegExp): Choice {
  const named = view.links.filter(link => pattern.test(link.name)).sort(byIndex);
  for (const link of named.filter(({up}) => up)) {
    const address = firstAddress(view, family, link);
    if (address !== undefined) return {kind: 'found', link, address};
  }
  const names = named.map(link => link.name).join(', ');
  const what =
    names === ''
      ? 'no interface matches'
      : `none that is up with a global address (${names}) matches`;
  return {kind: 'unmet', reason: `${what} ${pattern.source}`};
}

function chooseInside({family, view}: Question, cidr: string): Choice {
  const prefix = parsePrefix(cidr);
  for (const link of view.links.filter(({up}) => up).sort(byIndex)) {
    const inside = usableAddresses(view, family, link).find(
      ({address}) => prefix !== undefined && contains(prefix, address),
    );
    if (inside !== undefined) return {kind: 'found', link, address: inside};
  }
  return {kind: 'unmet', reason: `no interface that is up has an address in ${cidr}`};
}

function chooseTowards({family, view}: Question, destination: string): Choice {
  const route = view.reach[family];
  if (route === undefined) return {kind: 'unmet', reason: `no route to ${destination}`};
  const source = route.type === RTN_LOCAL ? parseAddress(destination) : route.source;
  const address = source && findAddress(view, family, source);
  const index = route.type === RTN_LOCAL ? address?.index : route.oif;
  const link = index === undefined ? undefined : linkOf(view, index);
  if (address && link) return {kind: 'found', link, address};
  const from = source ? formatAddress(source) : 'no address';
  return {
    kind: 'unmet',
    reason: `the route to ${destination} leaves from ${from}, which no interface has`,
  };
}

interface DefaultRoute {
  readonly link: Link;
  readonly source: Uint8Array | undefined;
}

/** Lowest metric first; a multipath route counts with each of its next hops, in order. */
function defaultRoutes(family: Family, view: UnderlayView): readonly DefaultRoute[] {
  return view.routes
    .filter(
      ({family: of, destination, table, type, protocol}) =>
        of === family &&
        destination.bits === 0 &&
        table === RT_TABLE_MAIN &&
        type === RTN_UNICAST &&
        protocol !== RTPROT_TWILL,
    )
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    .flatMap(route => {
      const indexes = route.multipath?.map(hop => hop.oif) ?? [route.oif ?? 0];
      return indexes.flatMap(index => {
        const link = linkOf(view, index);
        return link !== undefined && link.up ? [{link, source: route.source}] : [];
      });
    });
}

function linkOf({links}: UnderlayView, index: number): Link | undefined {
  return links.find(link => link.index === index);
}

function findAddress(view: UnderlayView, family: Family, wanted: Uint8Array): Address | undefined {
  return view.addresses.find(
    address =>
      address.family === family && isUsable(address) && equalAddresses(address.address, wanted),
  );
}

/** Secondary and temporary ones last: they come and go. */
function usableAddresses(view: UnderlayView, family: Family, link: Link): readonly Address[] {
  return view.addresses
    .filter(address => address.family === family && address.index === link.index)
    .filter(isUsable)
    .sort(byPreference);
}

function firstAddress(view: UnderlayView, family: Family, link: Link): Address | undefined {
  return usableAddresses(view, family, link).find(address => !isPassing(address));
}

function toInterfaceAddress({address, bits}: Address): {address: Uint8Array; bits: number} {
  return {address, bits};
}
