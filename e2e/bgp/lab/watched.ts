/**
 * A restart that is watched: our speaker and a router with each other's routes in their kernels, every route
 * event of both written down, and 1,000 packets a second through those routes. Shell.
 *
 *    machine twill                                   machine router
 *   +--------------------------+                    +--------------------------+
 *   | our speaker 65001        |---- veth, eBGP ----| BIRD, FRR, ... 65002     |
 *   | lo 10.1.0.1, fd00:1::1   | leaving -------->  | lo 10.2.0.1, fd00:2::1   |
 *   |                          | <------- returning | (those that write routes)|
 *   +--------------------------+                    +--------------------------+
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../../lab/eventually.js';
import {Monitor} from '../../lab/monitor.js';
import {Stream} from '../../lab/traffic.js';
import type {Machine} from '../lab.js';
import {announced, startPair, type Pair, type RouterKind} from './pair.js';
import {established, learns} from './router.js';

const inside = {
  twill: ['10.1.0.1', 'fd00:1::1'],
  router: ['10.2.0.1', 'fd00:2::1'],
} as const;

/** The others have no hand in the kernel. */
const writesRoutes: readonly RouterKind[] = ['bird', 'frr'];

export interface WatchOptions<K extends RouterKind> {
  readonly kind: K;
  readonly timeSeconds?: number; // without: no graceful restart
  readonly notification?: boolean; // RFC 8538, on the router's side; we always say N
}

/** Resolves when both know each other; all that happens from then on is counted. */
export async function watch<K extends RouterKind>(
  t: ExecutionContext,
  {kind, timeSeconds, notification = false}: WatchOptions<K>,
): Promise<Watched<K>> {
  const graceful =
    timeSeconds === undefined
      ? {}
      : {gracefulRestart: {timeSeconds, ...(notification && {notification})}};
  const hasKernel = writesRoutes.includes(kind);
  const pair = await startPair(t, {
    kind,
    // each family over its own: OpenBGPD has no usable next hop for the other
    sessions:
      kind === 'openbgpd' ? [{families: ['ipv4']}, {over: 'ipv6', families: ['ipv6']}] : [{}],
    twill: {kernel: true, ...graceful},
    router: {...(hasKernel && {kernel: true}), ...graceful},
  });
  const {twill, router} = pair.machines;
  for (const [machine, addresses] of [
    [twill, inside.twill],
    [router, inside.router],
  ] as const) {
    for (const address of addresses) await machine.ip(`address add ${address} dev lo`);
  }
  await isUpAgain(pair);
  const monitors = {
    twill: await Monitor.open(twill.namespace, {isStamped: true}),
    router: await Monitor.open(router.namespace, {isStamped: true}),
  };
  const open = (from: Machine, to: Machine, addresses: readonly string[]) =>
    Promise.all(addresses.map(address => Stream.open(from, to, address)));
  const leaving = await open(twill, router, inside.router);
  const returning = hasKernel ? await open(router, twill, inside.twill) : [];
  return new Watched(pair, monitors, {leaving, returning});
}

interface Streams {
  readonly leaving: readonly Stream[]; // through our kernel's routes
  readonly returning: readonly Stream[]; // through the router's
}

export class Watched<K extends RouterKind> {
  readonly pair: Pair<K>;
  readonly #monitors: Readonly<Record<'twill' | 'router', Monitor>>;
  readonly #streams: Streams;

  constructor(
    pair: Pair<K>,
    monitors: Readonly<Record<'twill' | 'router', Monitor>>,
    streams: Streams,
  ) {
    this.pair = pair;
    this.#monitors = monitors;
    this.#streams = streams;
  }

  /** Route events of what is announced; not of neighbours and the like. */
  events(side: 'twill' | 'router'): readonly string[] {
    return this.#monitors[side].lines().filter(line => prefixIn(line) !== undefined);
  }

  async losesRoutes(side: 'twill' | 'router'): Promise<void> {
    const isGone = () => this.events(side).some(line => line.includes('Deleted'));
    await eventually(isGone, {withinMs: 15_000, what: `routes of ${side} that go`});
  }

  /** Packets that still come, while somebody is away: all, or those that leave by our routes. */
  async flow(which: 'all' | 'leaving' = 'all'): Promise<void> {
    const {leaving, returning} = this.#streams;
    const streams = which === 'all' ? [...leaving, ...returning] : leaving;
    await Promise.all(streams.map(stream => stream.flows(100)));
  }

  /** Sessions, tables and kernels as before, and packets flow. */
  async isUpAgain(): Promise<void> {
    await isUpAgain(this.pair);
    await this.flow();
  }

  /** IPv4 and IPv6. */
  async lost(which: keyof Streams): Promise<readonly number[]> {
    const lost: number[] = [];
    for (const stream of this.#streams[which]) lost.push((await stream.close()).lost);
    return lost;
  }

  /** For how many milliseconds the router's kernel was without its routes to us, IPv4 and IPv6. */
  routelessMs(): readonly (readonly number[])[] {
    return announced.twill.map(prefix => {
      const events = this.events('router').filter(line => prefixIn(line) === prefix);
      return gapsMs(events);
    });
  }
}

async function isUpAgain({twill, router, ours, theirs, configs, machines}: Pair): Promise<void> {
  for (const address of theirs) await established(twill, address, 30_000);
  for (const address of ours) await established(router, address, 30_000);
  for (const prefix of announced.router) {
    await learns(twill, prefix);
    await inKernel(machines.twill, prefix);
  }
  for (const prefix of announced.twill) {
    await learns(router, prefix);
    if (configs.router.kernel === true) await inKernel(machines.router, prefix);
  }
  const isOver = async () => (await twill.restart()).isOver;
  await eventually(isOver, {withinMs: 20_000, everyMs: 50, what: 'the end of our restart'});
  const areFresh = async () => {
    const peers = await Promise.all(theirs.map(address => twill.peer(address)));
    return peers.every(({prefixes: {stale}}) => stale.ipv4 + stale.ipv6 === 0);
  };
  await eventually(areFresh, {withinMs: 20_000, everyMs: 50, what: 'fresh routes'});
}

async function inKernel(machine: Machine, prefix: string): Promise<void> {
  const family = prefix.includes(':') ? '-6' : '-4';
  const isThere = async () => (await machine.ip(`${family} route show ${prefix}`)) !== '';
  await eventually(isThere, {withinMs: 15_000, everyMs: 50, what: `${prefix} on ${machine.name}`});
}

function prefixIn(line: string): string | undefined {
  return /(?<!\S)(10\.[12]\.0\.0\/24|fd00:[12]::\/64)(?!\S)/.exec(line)?.[1];
}

/** Of one prefix: from each deletion to the next route. */
function gapsMs(events: readonly string[]): readonly number[] {
  const gaps: number[] = [];
  let goneAt: number | undefined;
  for (const line of events) {
    const at = Date.parse(`${/^\[([^\]]+)\]/.exec(line)?.[1] ?? ''}Z`);
    if (line.includes('Deleted')) goneAt ??= at;
    else if (goneAt !== undefined) {
      gaps.push(at - goneAt);
      goneAt = undefined;
    }
  }
  return gaps;
}
