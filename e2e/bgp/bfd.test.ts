/*
 *    machine twill                            machine router
 *   +--------------------+                   +--------------------+
 *   | our speaker 65001  |---- veth, eBGP ---| BIRD or FRR 65002  |
 *   | kernel routes      |   BFD 3 x 100 ms  |                    |
 *   +--------------------+                   +--------------------+
 *
 * Claim: a router that is not heard any more, the link still up, is out of our kernel within 350 ms
 * (RFC 5880, 5882), whatever the hold time. Control: without BFD its routes are still there then.
 * A router whose BFD is administratively down keeps its session.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {Monitor} from '../lab/monitor.js';
import {labTest} from '../privileged.js';
import type {Frr} from './lab/frr.js';
import {programs, startPair, type Pair} from './lab/pair.js';
import {established} from './lab/router.js';

const kinds = ['bird', 'frr'] as const;
const bfd = {intervalMs: 100, multiplier: 3};
const prefix = '10.2.0.0/24';

for (const kind of kinds) {
  labTest(
    `${kind} falls silent: its routes are out of our kernel in less than 350 ms`,
    async t => {
      const pair = await start(t, kind, bfd);
      const ms = await untilGone(pair);
      t.true(ms < 350, `${Math.round(ms)} ms`);
      t.log(`${Math.round(ms)} ms`);
      const {lastDown} = await pair.twill.peer(pair.theirs[0] ?? '');
      t.regex(lastDown?.words ?? '', /BFD/);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'control: without BFD the routes of a silent router are still there after a second',
  async t => {
    const pair = await start(t, 'bird', undefined);
    await t.throwsAsync(untilGone(pair, 1000), {message: /gone from the kernel/});
  },
  {programs: programs.bird},
);

labTest(
  'frr takes its BFD down by hand: the session stays',
  async t => {
    const pair = await start(t, 'frr', bfd);
    const frr = pair.router as Frr;
    const [ours = ''] = pair.ours;
    const [theirs = ''] = pair.theirs;
    await frr.ask('configure terminal', 'bfd', `peer ${ours} local-address ${theirs}`, 'shutdown');
    const isDown = async () => (await pair.twill.peer(theirs)).bfd?.remoteState === 'AdminDown';
    await eventually(isDown, {withinMs: 5000, everyMs: 50, what: 'word of it'});
    t.is((await pair.twill.peer(theirs)).established, 1);
    t.true((await pair.twill.peers()).every(({isEstablished}) => isEstablished));
  },
  {programs: programs.frr},
);

async function start(
  t: ExecutionContext,
  kind: (typeof kinds)[number],
  given: typeof bfd | undefined,
): Promise<Pair> {
  const session = {dialler: 'twill' as const, holdSeconds: 90, ...(given && {bfd: given})};
  const pair = await startPair(t, {kind, sessions: [session], twill: {kernel: true}});
  await established(pair.twill, pair.theirs[0] ?? '');
  await eventually(() => hasRoute(pair), {withinMs: 10_000, everyMs: 50, what: prefix});
  const isUp = async () => (await pair.twill.peer(pair.theirs[0] ?? '')).bfd?.state === 'Up';
  if (given) await eventually(isUp, {withinMs: 15_000, everyMs: 50, what: 'BFD'});
  return pair;
}

async function hasRoute({machines}: Pair): Promise<boolean> {
  return (await machines.twill.ip(`route show ${prefix} proto 84`)) !== '';
}

/** Milliseconds from the last packet that gets through until the router's route has left our kernel. */
async function untilGone(pair: Pair, withinMs = 5000): Promise<number> {
  const monitor = await Monitor.open(pair.machines.twill.namespace);
  const startedAt = performance.now();
  const drops = '*filter\n-A INPUT -j DROP\n-A OUTPUT -j DROP\nCOMMIT\n';
  await pair.machines.router.run(['iptables-restore', '--noflush'], {input: drops});
  const isGone = () => monitor.lines().some(line => /^(\[\w+\])?\s*Deleted 10\.2\.0\.0/.test(line));
  await eventually(isGone, {withinMs, everyMs: 5, what: `${prefix} gone from the kernel`});
  return performance.now() - startedAt;
}
