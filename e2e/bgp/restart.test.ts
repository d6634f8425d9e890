/*
 *    machine twill                                   machine router
 *   +--------------------------+                    +--------------------------+
 *   | our speaker 65001        |---- veth, eBGP ----| BIRD or FRR 65002        |
 *   | lo 10.1.0.1, fd00:1::1   |                    | lo 10.2.0.1, fd00:2::1   |
 *   +--------------------------+                    +--------------------------+
 *
 * Claim: who of the two restarts, by -9 or by TERM, keeps its routes in the other's kernel and its own
 * (RFC 4724): no route event on either side, no packet of 1,000 a second lost in either direction, in
 * both families. Control: without graceful restart the other side's routes go.
 *
 * TWILL_RESTARTS says how often (4); once in a while 50.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {Monitor} from '../lab/monitor.js';
import {Stream} from '../lab/traffic.js';
import {labTest} from '../privileged.js';
import type {Machine} from './lab.js';
import {programs, startPair, type Pair} from './lab/pair.js';
import {established, learns} from './lab/router.js';

const count = Number(process.env['TWILL_RESTARTS'] ?? 4);
const kinds = ['bird', 'frr'] as const;
const signals = ['SIGKILL', 'SIGTERM'] as const;
const inside = {
  twill: ['10.1.0.1', 'fd00:1::1'],
  router: ['10.2.0.1', 'fd00:2::1'],
} as const;

for (const kind of kinds) {
  labTest(
    `${kind}: we restart, and neither kernel nor packets notice`,
    async t => {
      const watched = await watch(t, kind, 30);
      const {pair} = watched;
      for (let n = 0; n < count; n++) {
        await pair.twill.stop(signals[n % 2] ?? 'SIGKILL');
        await watched.flow(100);
        await pair.twill.start();
        await isUpAgain(pair);
        await watched.flow(100);
      }
      await watched.holds(t, 'twill', 'router');
    },
    {programs: programs[kind]},
  );

  labTest(
    `${kind}: it restarts, and neither kernel nor packets notice`,
    async t => {
      const watched = await watch(t, kind, 30);
      const {pair} = watched;
      for (let n = 0; n < Math.min(count, 3); n++) {
        await pair.router.stop('SIGKILL');
        await watched.flow(100);
        await pair.router.start({isRestart: true});
        await isUpAgain(pair);
        await watched.flow(100);
      }
      await watched.holds(t, 'twill'); // BIRD writes an IPv6 route of its own anew, FRR takes one away
    },
    {programs: programs[kind]},
  );

  labTest(
    `control: without graceful restart ${kind} notices when we die`,
    async t => {
      const {pair, events} = await watch(t, kind, undefined);
      await pair.twill.stop('SIGKILL');
      const isGone = () => events.router().some(line => line.includes('Deleted'));
      await eventually(isGone, {withinMs: 15_000, what: 'routes that go'});
      t.pass();
    },
    {programs: programs[kind]},
  );
}

for (const withRestart of [true, false]) {
  const what = withRestart ? 'keeps our routes until we are back' : 'without it forgets them';
  labTest(
    `${withRestart ? '' : 'control: '}gobgp, whose routes are in no kernel, ${what}`,
    async t => {
      const config = withRestart ? {gracefulRestart: {timeSeconds: 30}} : {};
      const pair = await startPair(t, {kind: 'gobgp', twill: config, router: config});
      const {twill, router, ours} = pair;
      const prefix = '10.1.0.0/24';
      await isUpAgain(pair);
      await learns(router, prefix);
      await twill.stop('SIGKILL');
      const isDown = async () => (await router.peers()).every(({isEstablished}) => !isEstablished);
      await eventually(isDown, {withinMs: 15_000, everyMs: 50, what: 'a session that ends'});
      const has = async () => (await router.routes('ipv4')).some(route => route.prefix === prefix);
      t.is(await has(), withRestart);
      await twill.start({isRestart: true});
      await established(router, ours[0] ?? '', 30_000);
      await learns(router, prefix);
      t.pass();
    },
    {programs: programs.gobgp},
  );
}

for (const withRestart of [true, false]) {
  const what = withRestart ? 'stay in our kernel' : 'go without it';
  labTest(
    `${withRestart ? '' : 'control: '}while gobgp is away its routes ${what}`,
    async t => {
      const config = withRestart ? {gracefulRestart: {timeSeconds: 30}} : {};
      const twillConfig = {...config, kernel: true};
      const pair = await startPair(t, {kind: 'gobgp', twill: twillConfig, router: config});
      await isUpAgain(pair);
      for (const prefix of ['10.2.0.0/24', 'fd00:2::/64']) {
        await inKernel(pair.machines.twill, prefix);
      }
      const monitor = await Monitor.open(pair.machines.twill.namespace);
      await pair.router.stop('SIGKILL');
      const isDown = async () => {
        return (await pair.twill.peers()).every(({isEstablished}) => !isEstablished);
      };
      await eventually(isDown, {withinMs: 15_000, everyMs: 50, what: 'a session that ends'});
      // it restarts with an empty table and End-of-RIB, so that what follows shows nothing
      if (withRestart) {
        t.deepEqual(routeLines(monitor), []);
      } else {
        const isGone = () => routeLines(monitor).some(line => line.includes('Deleted'));
        await eventually(isGone, {withinMs: 15_000, what: 'routes that go'});
      }
      await pair.router.start({isRestart: withRestart});
      await isUpAgain(pair);
      for (const prefix of ['10.2.0.0/24', 'fd00:2::/64']) {
        await inKernel(pair.machines.twill, prefix);
      }
      t.pass();
    },
    {programs: programs.gobgp},
  );
}

/** Both know each other, and all that happens from now on is counted. */
async function watch(
  t: ExecutionContext,
  kind: (typeof kinds)[number],
  timeSeconds: number | undefined,
) {
  const config = {
    kernel: true,
    ...(timeSeconds !== undefined && {gracefulRestart: {timeSeconds}}),
  };
  const pair = await startPair(t, {kind, twill: config, router: config});
  const {twill, router} = pair.machines;
  for (const [machine, addresses] of [
    [twill, inside.twill],
    [router, inside.router],
  ] as const) {
    for (const address of addresses) await machine.ip(`address add ${address} dev lo`);
  }
  await isUpAgain(pair);
  for (const prefix of ['10.2.0.0/24', 'fd00:2::/64']) await inKernel(twill, prefix);
  for (const prefix of ['10.1.0.0/24', 'fd00:1::/64']) await inKernel(router, prefix);
  const monitors = {
    twill: await Monitor.open(twill.namespace),
    router: await Monitor.open(router.namespace),
  };
  const streams = await Promise.all([
    ...inside.router.map(address => Stream.open(twill, router, address)),
    ...inside.twill.map(address => Stream.open(router, twill, address)),
  ]);
  const events = {
    twill: () => routeLines(monitors.twill),
    router: () => routeLines(monitors.router),
  };
  return {
    ...{pair, events},
    flow: (packets: number) => Promise.all(streams.map(stream => stream.flows(packets))),
    /** `sides`: whose kernel must not have noticed; no packet may be lost in either direction. */
    async holds(t: ExecutionContext, ...sides: readonly ('twill' | 'router')[]) {
      for (const side of sides) t.deepEqual(events[side](), [], side);
      const lost: number[] = [];
      for (const stream of streams) lost.push((await stream.close()).lost);
      // which stream, and what the kernel of the other side did meanwhile
      t.deepEqual(lost, [0, 0, 0, 0], events.router().join('\n'));
    },
  };
}

async function isUpAgain({twill, router, ours, theirs}: Pair): Promise<void> {
  for (const address of theirs) await established(twill, address, 30_000);
  for (const address of ours) await established(router, address, 30_000);
  for (const prefix of ['10.2.0.0/24', 'fd00:2::/64']) await learns(twill, prefix);
  await eventually(async () => (await twill.restart()).isOver, {
    withinMs: 20_000,
    everyMs: 50,
    what: 'the end of our restart',
  });
  await eventually(async () => await hasNoStale(twill, theirs), {
    withinMs: 20_000,
    everyMs: 50,
    what: 'fresh routes',
  });
}

async function hasNoStale(twill: Pair['twill'], theirs: readonly string[]): Promise<boolean> {
  const peers = await Promise.all(theirs.map(address => twill.peer(address)));
  return peers.every(({prefixes: {stale}}) => stale.ipv4 + stale.ipv6 === 0);
}

async function inKernel(machine: Machine, prefix: string): Promise<void> {
  const family = prefix.includes(':') ? '-6' : '-4';
  const isThere = async () => (await machine.ip(`${family} route show ${prefix}`)) !== '';
  await eventually(isThere, {withinMs: 15_000, everyMs: 50, what: `${prefix} on ${machine.name}`});
}

/** Of prefixes that are announced; not of neighbours and the like. */
function routeLines(monitor: Monitor): readonly string[] {
  return monitor.lines().filter(line => /\b(10\.[12]\.0\.0\/24|fd00:[12]::\/64)\b/.test(line));
}
