/*
 * Claim: who of the two restarts, with a router that writes its routes into the kernel as we do (BIRD, FRR;
 * lab/watched.ts has the picture), keeps its routes in the other's kernel and its own (RFC 4724).
 * We, by -9 or TERM: no route event in either kernel, no packet of 1,000 a second lost in either direction, in
 * both families. It, by each way that is a restart for it: no route event in our kernel, no packet lost that
 * leaves by our routes. Controls: without graceful restart routes go and packets are lost on either side,
 * and so they do when BIRD is told to end.
 *
 * What comes back to us goes by the router's own routes, and what happens to those while it restarts is its
 * own doing. By BIRD none is lost. FRR 8.4 is without them for a while, seen in its own log:
 *   bgpd by -9   zebra keeps them, and at IPv4's End-of-RIB deletes what is stale of both families. IPv6
 *                has not been selected then: that route comes anew 50 ms later. So does IPv4's when zebra has
 *                not yet answered about the next hop (End-of-RIB while "NH unresolved"): seldom, but each time
 *                when zebra is stopped meanwhile
 *   bgpd by TERM says no word to us, but takes its routes out of zebra, unless it ends before that is read
 *   all by -9    zebra -K takes over what it finds in the kernel: replaced at once
 * So a packet on its way back may be lost exactly while that kernel has no route to us, by its own events; for
 * a second or longer only after TERM: what we send brings the route back.
 * BIRD on TERM takes itself for ended, not for restarting: Cease 6/2, and without RFC 8538, which it does not
 * have, that ends its routes with us. Its restart is `graceful restart` of birdc.
 *
 * TWILL_RESTARTS says how often (4); once in a while 50.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import type {Bird} from './lab/bird.js';
import type {Frr} from './lab/frr.js';
import {programs} from './lab/pair.js';
import {watch, type Watched} from './lab/watched.js';

const count = Number(process.env['TWILL_RESTARTS'] ?? 4);
const kinds = ['bird', 'frr'] as const;
const signals = ['SIGKILL', 'SIGTERM'] as const;
const timeoutMs = 60_000 + count * 20_000; // we wait longer for who restarts again and again

/** A sender that was kept from running makes up for this many at once (lab/stream.ts). */
const burst = 51;

interface Way<Router> {
  readonly leave: (router: Router) => Promise<void>;
  /** While it is away its kernel may have no routes. */
  readonly takesItsRoutes?: boolean;
}

const birdWays: readonly Way<Bird>[] = [
  {leave: bird => bird.stop('SIGKILL')},
  {leave: bird => bird.leave()},
];
const frrWays: readonly Way<Frr>[] = [
  {leave: frr => frr.stop('SIGKILL')},
  {leave: frr => frr.stop('SIGTERM'), takesItsRoutes: true},
  {leave: frr => frr.stopAll('SIGKILL')},
];

for (const kind of kinds) {
  labTest(
    `${kind}: we restart, and neither kernel nor packets notice`,
    async t => {
      t.timeout(timeoutMs);
      const watched = await watch(t, {kind, timeSeconds: 30});
      const {twill} = watched.pair;
      for (let n = 0; n < count; n++) {
        await twill.stop(signals[n % 2] ?? 'SIGKILL');
        await watched.flow();
        await twill.start();
        await watched.isUpAgain();
      }
      for (const side of ['twill', 'router'] as const) t.deepEqual(watched.events(side), [], side);
      for (const way of ['leaving', 'returning'] as const) {
        t.deepEqual(await watched.lost(way), [0, 0], way);
      }
    },
    {programs: programs[kind]},
  );

  labTest(
    `control: without graceful restart we notice when ${kind} dies, and it when we do`,
    async t => {
      const watched = await watch(t, {kind});
      const {twill, router} = watched.pair;
      await router.stop('SIGKILL');
      await watched.losesRoutes('twill');
      await router.start();
      await watched.isUpAgain();
      await twill.stop('SIGKILL');
      await watched.losesRoutes('router');
      for (const way of ['leaving', 'returning'] as const) {
        for (const lost of await watched.lost(way)) t.true(lost > 0, `${way}: ${lost}`);
      }
    },
    {programs: programs[kind]},
  );
}

for (const kind of kinds) {
  labTest(
    `${kind} without graceful restart: we restart, and our own kernel does not notice`,
    async t => {
      t.timeout(timeoutMs);
      const watched = await watch(t, {kind});
      const {twill} = watched.pair;
      for (const signal of signals) {
        await twill.stop(signal);
        await watched.losesRoutes('router');
        await twill.start({isRestart: true});
        await watched.isUpAgain();
        const isOver = async () => (await twill.restart()).isOver;
        await eventually(isOver, {withinMs: 15_000, everyMs: 100, what: 'the end of the restart'});
      }
      t.deepEqual(watched.events('twill'), []);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'bird: it restarts, and neither kernel nor packets notice',
  async t => {
    t.timeout(timeoutMs);
    const watched = await watch(t, {kind: 'bird', timeSeconds: 30});
    await restarts(watched, birdWays);
    await unnoticed(t, watched);
    t.deepEqual(watched.routelessMs(), [[], []]);
    t.deepEqual(await watched.lost('returning'), [0, 0]);
  },
  {programs: programs.bird},
);

labTest(
  'frr: it restarts, and neither our kernel nor packets by its routes notice',
  async t => {
    t.timeout(timeoutMs);
    const watched = await watch(t, {kind: 'frr', timeSeconds: 30});
    await restarts(watched, frrWays);
    await unnoticed(t, watched);
    const lost = await watched.lost('returning');
    const told = watched.events('router').join('\n');
    t.log({lost, routelessMs: watched.routelessMs()});
    const taken = Array.from({length: count}, (_, n) => frrWays[n % frrWays.length]);
    const takings = taken.filter(way => way?.takesItsRoutes === true).length;
    for (const [n, gaps] of watched.routelessMs().entries()) {
      t.true(gaps.filter(ms => ms >= 1000).length <= takings, told);
      const may = gaps.reduce((sum, ms) => sum + ms + burst, 0);
      t.true((lost[n] ?? NaN) <= may, `${lost[n]} of ${may}:\n${told}`);
    }
  },
  {programs: programs.frr},
);

labTest(
  'control: bird is told to end, and its routes end',
  async t => {
    const watched = await watch(t, {kind: 'bird', timeSeconds: 30});
    const {router} = watched.pair;
    await router.stop('SIGTERM');
    await watched.losesRoutes('twill');
    await router.start();
    await watched.isUpAgain();
    for (const lost of await watched.lost('leaving')) t.true(lost > 0, `${lost}`);
  },
  {programs: programs.bird},
);

async function restarts<K extends 'bird' | 'frr'>(
  watched: Watched<K>,
  ways: readonly Way<Watched<K>['pair']['router']>[],
): Promise<void> {
  const {router} = watched.pair;
  for (let n = 0; n < count; n++) {
    const way = ways[n % ways.length];
    await way?.leave(router);
    await watched.flow(way?.takesItsRoutes === true ? 'leaving' : 'all');
    await router.start({isRestart: true});
    await watched.isUpAgain();
  }
}

/** By us: our kernel, and what leaves by its routes. */
async function unnoticed<K extends 'bird' | 'frr'>(
  t: ExecutionContext,
  watched: Watched<K>,
): Promise<void> {
  t.deepEqual(watched.events('twill'), []);
  t.deepEqual(await watched.lost('leaving'), [0, 0]);
}
