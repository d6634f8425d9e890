/*
 *   twill 65001, kernel ---- GoBGP, OpenBGPD or ExaBGP 65002, which have no hand in a kernel
 *
 * Claim (RFC 4724), 1,000 packets a second counted that leave by our kernel's routes (lab/watched.ts): when we
 * restart by -9 or TERM beside one of them, our kernel has no route event and no packet is lost; GoBGP and
 * OpenBGPD keep our routes until we are back, ExaBGP has no table. When GoBGP or ExaBGP restarts, neither
 * has our kernel one. Controls: without graceful restart they forget us, and our kernel them while they are
 * away. (When we come back without it, their routes may be in before the old ones are swept.)
 *
 * By their design:
 *   GoBGP     says Cease 6/3 on TERM, which ends its routes with us; they stay with RFC 8538, which it knows
 *   ExaBGP    says F for each family and nothing on TERM: both ways are a restart
 *   OpenBGPD  (7.7) helps, but its own capability has a restart time of 0 and no family: whichever way it goes,
 *             its routes do as well, for §4.2 retains those of the capability's families
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {announced, programs, type RouterKind} from './lab/pair.js';
import {familyOf, loses, type Router} from './lab/router.js';
import {watch, type Watched} from './lab/watched.js';

const signals = ['SIGKILL', 'SIGTERM'] as const;
const graceful = {timeSeconds: 30};

for (const kind of ['gobgp', 'openbgpd', 'exabgp'] as const) {
  const keepsOurs = kind !== 'exabgp';
  labTest(
    `${kind}: we restart, and neither it nor our kernel nor packets notice`,
    async t => {
      const watched = await watch(t, {kind, ...graceful});
      const {twill, router} = watched.pair;
      for (const signal of signals) {
        await twill.stop(signal);
        await isDown(router);
        await watched.flow();
        if (keepsOurs) t.true(await knowsOurs(router), signal);
        await twill.start();
        await watched.isUpAgain();
      }
      await unnoticed(t, watched);
    },
    {programs: programs[kind]},
  );
}

for (const kind of ['gobgp', 'openbgpd'] as const) {
  labTest(
    `control: without graceful restart ${kind} forgets us`,
    async t => {
      const watched = await watch(t, {kind});
      const {twill, router} = watched.pair;
      await twill.stop('SIGKILL');
      await isDown(router);
      for (const prefix of announced.twill) await loses(router, prefix);
      t.false(await knowsOurs(router));
      await twill.start();
      await watched.isUpAgain();
    },
    {programs: programs[kind]},
  );
}

interface Restart {
  readonly kind: RouterKind;
  readonly signals: readonly ('SIGKILL' | 'SIGTERM')[];
  readonly notification?: boolean;
}

const restarts: readonly Restart[] = [
  {kind: 'gobgp', signals: ['SIGKILL']},
  {kind: 'gobgp', signals: ['SIGTERM'], notification: true},
  {kind: 'exabgp', signals},
];

for (const {kind, signals, notification = false} of restarts) {
  labTest(
    `${kind}${notification ? ' with RFC 8538' : ''}: it restarts by ${signals.join(', ')}, and neither our kernel nor packets notice`,
    async t => {
      const watched = await watch(t, {kind, ...graceful, notification});
      for (const signal of signals) await comesBack(watched, signal, () => watched.flow());
      await unnoticed(t, watched);
    },
    {programs: programs[kind]},
  );
}

for (const kind of ['gobgp', 'exabgp'] as const) {
  labTest(
    `control: without graceful restart our kernel and packets notice that ${kind} does`,
    async t => {
      const watched = await watch(t, {kind});
      await comesBack(watched, 'SIGKILL', () => watched.losesRoutes('twill'));
      for (const lost of await watched.lost('leaving')) t.true(lost > 0, `${lost}`);
    },
    {programs: programs[kind]},
  );
}

for (const [kind, signal, words] of [
  ['gobgp', 'SIGTERM', /Cease: peer de-configured/],
  ['openbgpd', 'SIGKILL', /closed the connection/],
  ['openbgpd', 'SIGTERM', /Cease: administrative shutdown/],
] as const) {
  labTest(
    `${kind}: it goes by ${signal}, and so do its routes, by its own design`,
    async t => {
      const watched = await watch(t, {kind, ...graceful});
      const {twill, theirs} = watched.pair;
      await comesBack(watched, signal, async () => {
        await watched.losesRoutes('twill');
        t.regex((await twill.peer(theirs[0] ?? '')).lastDown?.words ?? '', words);
      });
    },
    {programs: programs[kind]},
  );
}

async function comesBack(
  watched: Watched<RouterKind>,
  signal: 'SIGKILL' | 'SIGTERM',
  whileAway: () => Promise<void>,
): Promise<void> {
  const {router}: {router: Router} = watched.pair;
  await router.stop(signal);
  await whileAway();
  await router.start({isRestart: true});
  await watched.isUpAgain();
}

async function unnoticed(t: ExecutionContext, watched: Watched<RouterKind>): Promise<void> {
  t.deepEqual(watched.events('twill'), []);
  t.deepEqual(await watched.lost('leaving'), [0, 0]);
}

async function isDown(router: Router): Promise<void> {
  const hasNone = async () => (await router.peers()).every(({isEstablished}) => !isEstablished);
  await eventually(hasNone, {withinMs: 15_000, everyMs: 50, what: 'sessions that end'});
}

async function knowsOurs(router: Router): Promise<boolean> {
  const has = async (prefix: string) =>
    (await router.routes(familyOf(prefix))).some(route => route.prefix === prefix);
  return (await Promise.all(announced.twill.map(has))).every(Boolean);
}
