/**
 * What a test wants of a BGP router, whoever wrote it: one description of its configuration, its table
 * and peers as plain values. Types, and what all drivers do alike.
 *
 * A driver that cannot do what is asked throws UnsupportedError when it writes the configuration: a
 * test that thinks it tests something then says so.
 */
import {eventually} from '../../lab/eventually.js';

export type Family = 'ipv4' | 'ipv6';

export interface RouterConfig {
  readonly asn: number;
  readonly identifier: string;
  /** Its own addresses, for routers that must be told what NEXT_HOP to announce with. */
  readonly nextHops: Readonly<Record<Family, string>>;
  readonly peers: readonly RouterPeer[];
  /** Prefixes it originates. */
  readonly announces?: readonly string[];
  /** Learnt routes go into its kernel. */
  readonly kernel?: boolean;
  readonly gracefulRestart?: GracefulRestart;
  readonly multipath?: number;
}

export interface GracefulRestart {
  readonly timeSeconds: number;
  readonly longLivedSeconds?: number; // RFC 9494
  /** RFC 8538 as well. */
  readonly notification?: boolean;
}

export interface RouterPeer {
  readonly address: string; // of the peer
  readonly asn: number;
  readonly localAddress: string;
  readonly interface?: string; // of a link-local address
  readonly passive?: boolean;
  readonly password?: string;
  readonly ttlSecurity?: boolean; // RFC 5082, one hop
  readonly multihop?: number;
  readonly families?: readonly Family[]; // both
  readonly holdSeconds?: number; // 9
  readonly sendHoldSeconds?: number; // RFC 9687; of ours only
  readonly exports?: 'all' | 'own'; // of ours only: learnt routes as well (all), or not
  readonly linkBandwidth?: number; // octets a second, on what it originates; of ours only
  readonly prefixLimit?: number;
  readonly prefixLimitRestartSeconds?: number; // never; of ours only
  readonly shutdown?: string; // of ours only: down, with these words
  readonly addPath?: 'send' | 'receive' | 'both';
  readonly extendedNextHop?: boolean; // RFC 8950
  readonly bfd?: {readonly intervalMs: number; readonly multiplier: number};
  readonly role?: 'provider' | 'customer' | 'peer'; // its own (RFC 9234)
  readonly extendedMessages?: boolean; // RFC 8654
  readonly as4?: boolean; // false: an old speaker with two octets (RFC 6793)
  readonly reflectorClient?: boolean;
  /** True; false: what policies refuse or change is forgotten (soft reconfiguration of FRR). */
  readonly keepsReceived?: boolean;
  readonly nextHop?: string; // in place of its own address, for IPv4; of BIRD only
}

export const allFamilies: readonly Family[] = ['ipv4', 'ipv6'];

export interface PeerView {
  readonly address: string;
  readonly isEstablished: boolean;
  readonly state: string; // in the router's words
}

export interface RouteView {
  readonly prefix: string;
  readonly nextHop: string; // without the link
  readonly asPath: readonly number[];
  readonly isBest: boolean;
}

export interface Router {
  readonly kind: string;
  /** Resolves when it answers questions. `isRestart`: it says so to its peers (R of RFC 4724). */
  start(options?: {readonly isRestart?: boolean}): Promise<void>;
  /** Resolves when its processes are gone. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  peers(): Promise<readonly PeerView[]>;
  /** All that it has learnt and originated. */
  routes(family: Family): Promise<readonly RouteView[]>;
  announce(prefix: string): Promise<void>;
  withdraw(prefix: string): Promise<void>;
}

export class UnsupportedError extends Error {
  override readonly name = 'UnsupportedError';
  readonly code = 'UNSUPPORTED';

  constructor(router: string, feature: string) {
    super(`${router} cannot do ${feature}`);
  }
}

export function refuse<T>(router: string, from: T, features: readonly (keyof T & string)[]): void {
  for (const feature of features) {
    if (from[feature] !== undefined) throw new UnsupportedError(router, feature);
  }
}

export function familyOf(prefix: string): Family {
  return prefix.includes(':') ? 'ipv6' : 'ipv4';
}

export function inFamily(prefixes: readonly string[] | undefined, family: Family): string[] {
  return (prefixes ?? []).filter(prefix => familyOf(prefix) === family);
}

/** Answers of a router that is up; an error of its tool while it starts is a "not yet". */
export async function answers(probe: () => Promise<unknown>, what: string): Promise<void> {
  await eventually(async () => (await probe(), true), {withinMs: 15_000, everyMs: 50, what});
}

export async function established(router: Router, address: string, withinMs = 15_000) {
  const what = `session of ${router.kind} with ${address}`;
  const isUp = async () =>
    (await router.peers()).some(peer => peer.address === address && peer.isEstablished);
  await eventually(isUp, {withinMs, everyMs: 50, what});
}

/** Resolves with the route once the router has it. */
export async function learns(
  router: Router,
  prefix: string,
  withinMs = 10_000,
): Promise<RouteView> {
  const what = `${prefix} at ${router.kind}`;
  const find = async () =>
    (await router.routes(familyOf(prefix))).find(route => route.prefix === prefix);
  return eventually(find, {withinMs, everyMs: 50, what});
}

export async function loses(router: Router, prefix: string, withinMs = 10_000): Promise<void> {
  const what = `${prefix} gone from ${router.kind}`;
  const isGone = async () =>
    (await router.routes(familyOf(prefix))).every(route => route.prefix !== prefix);
  await eventually(isGone, {withinMs, everyMs: 50, what});
}
