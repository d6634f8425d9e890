/**
 * Our speaker and one router on one link, with as many sessions between them as a test asks for, each
 * between addresses of its own. Shell.
 *
 *   twill  192.0.2.10  2001:db8::1:1  ──── session 0 ────  192.0.2.110  2001:db8::2:1   router
 *          192.0.2.11  2001:db8::1:2  ──── session 1 ────  192.0.2.111  2001:db8::2:2
 */
import type {Scope} from '../../lab.js';
import {createBgpLab, type BgpLab, type Machine} from '../lab.js';
import {Bird} from './bird.js';
import {Exabgp} from './exabgp.js';
import {Frr} from './frr.js';
import {Gobgp} from './gobgp.js';
import {Openbgpd} from './openbgpd.js';
import type {Family, RouterConfig, RouterPeer} from './router.js';
import {Speaker} from './speaker.js';

export const routers = {
  bird: (machine: Machine, config: RouterConfig) => new Bird(machine, config),
  frr: (machine: Machine, config: RouterConfig) => new Frr(machine, config),
  gobgp: (machine: Machine, config: RouterConfig) => new Gobgp(machine, config),
  openbgpd: (machine: Machine, config: RouterConfig) => new Openbgpd(machine, config),
  exabgp: (machine: Machine, config: RouterConfig) => new Exabgp(machine, config),
} as const;

export type RouterKind = keyof typeof routers;
export const kinds = Object.keys(routers) as readonly RouterKind[];

/** What labTest looks for before it runs a test with that router. */
export const programs: Readonly<Record<RouterKind, readonly string[]>> = {
  bird: ['bird', 'birdc'],
  frr: ['vtysh', '/usr/lib/frr/bgpd'],
  gobgp: ['gobgpd', 'gobgp'],
  openbgpd: ['bgpd', 'bgpctl'],
  exabgp: ['exabgp'],
};

type PeerSettings = Partial<Omit<RouterPeer, 'address' | 'localAddress' | 'passive'>>;

export interface Session extends PeerSettings {
  readonly over?: Family; // ipv4
  readonly dialler?: 'twill' | 'router' | 'both'; // both
  /** Of one side only; they win over what both have. */
  readonly twill?: PeerSettings;
  readonly router?: PeerSettings;
}

export interface PairOptions<K extends RouterKind = RouterKind> {
  readonly kind: K;
  readonly ourAsn?: number; // 65001
  readonly asn?: number; // the router's: 65002; 65001 is iBGP
  readonly sessions?: readonly Session[]; // one
  readonly twill?: Partial<RouterConfig>;
  readonly router?: Partial<RouterConfig>;
}

export interface Pair<K extends RouterKind = RouterKind> {
  readonly lab: BgpLab;
  readonly machines: {readonly twill: Machine; readonly router: Machine};
  readonly configs: {readonly twill: RouterConfig; readonly router: RouterConfig};
  readonly twill: Speaker;
  readonly router: ReturnType<(typeof routers)[K]>;
  /** Of each session, in order. */
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

export const announced = {
  twill: ['10.1.0.0/24', 'fd00:1::/64'],
  router: ['10.2.0.0/24', 'fd00:2::/64'],
} as const;

export function addressOf(side: 'twill' | 'router', over: Family, session: number): string {
  if (over === 'ipv4') return `192.0.2.${(side === 'twill' ? 10 : 110) + session}`;
  return `2001:db8::${side === 'twill' ? 1 : 2}:${session + 1}`;
}

/** Made, and not started. */
export async function createPair<K extends RouterKind>(
  t: Scope,
  options: PairOptions<K>,
): Promise<Pair<K>> {
  const {kind, ourAsn = 65001, asn = 65002, sessions = [{}]} = options;
  const lab = await createBgpLab(t);
  const [a, b] = await Promise.all([lab.machine('twill'), lab.machine('router')]);
  const addresses = (side: 'twill' | 'router') =>
    sessions.flatMap((_, n) => [
      `${addressOf(side, 'ipv4', n)}/24`,
      `${addressOf(side, 'ipv6', n)}/64`,
    ]);
  await lab.link(
    {machine: a, addresses: addresses('twill')},
    {machine: b, addresses: addresses('router')},
  );
  const config = (side: 'twill' | 'router'): RouterConfig => ({
    asn: side === 'twill' ? ourAsn : asn,
    identifier: addressOf(side, 'ipv4', 0),
    nextHops: {ipv4: addressOf(side, 'ipv4', 0), ipv6: addressOf(side, 'ipv6', 0)},
    announces: announced[side],
    peers: sessions.map((session, n) => peerOf(side, session, n, side === 'twill' ? asn : ourAsn)),
    ...options[side],
  });
  const make = routers[kind] as (machine: Machine, config: RouterConfig) => Pair<K>['router'];
  const configs = {twill: config('twill'), router: config('router')};
  return {
    lab,
    machines: {twill: a, router: b},
    configs,
    twill: new Speaker(a, configs.twill),
    router: make(b, configs.router),
    ours: sessions.map(({over = 'ipv4'}, n) => addressOf('twill', over, n)),
    theirs: sessions.map(({over = 'ipv4'}, n) => addressOf('router', over, n)),
  };
}

export async function startPair<K extends RouterKind>(
  t: Scope,
  options: PairOptions<K>,
): Promise<Pair<K>> {
  const pair = await createPair(t, options);
  await Promise.all([pair.twill.start(), pair.router.start()]);
  return pair;
}

function peerOf(
  side: 'twill' | 'router',
  {over = 'ipv4', dialler = 'both', twill, router, ...both}: Session,
  n: number,
  asn: number,
): RouterPeer {
  const other = side === 'twill' ? 'router' : 'twill';
  return {
    asn,
    ...both,
    ...(side === 'twill' ? twill : router),
    address: addressOf(other, over, n),
    localAddress: addressOf(side, over, n),
    ...(dialler === other && {passive: true}),
  };
}
