/*
 *   twill 65001 ---- BIRD, FRR, GoBGP or OpenBGPD 65002
 *
 * Claims (RFC 4271 §6.7, 4486, 9003): a neighbour that sends more prefixes than it may loses its session
 * with Cease 6/1 and knows why; the session of another one stays; it comes back after the time that was
 * set, or when somebody resets it. We keep to the limits of others in the same way. Words of a shutdown
 * reach the other side, whoever says them.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import type {Frr} from './lab/frr.js';
import type {Openbgpd} from './lab/openbgpd.js';
import {announced, programs, startPair, type Pair} from './lab/pair.js';
import {established, learns} from './lab/router.js';

const many = Array.from({length: 6}, (_, n) => `10.2.${n}.0/24`);
const limited = ['bird', 'frr', 'gobgp', 'openbgpd'] as const;

for (const kind of limited) {
  labTest(
    `${kind} sends more than it may: its session ends, the other stays; a reset lets it in again`,
    async t => {
      const dialler = 'twill'; // so that no collision ends a session
      const sessions = [{dialler, twill: {prefixLimit: 5}}, {dialler}] as const;
      const pair = await startPair(t, {kind, sessions, router: {announces: many.slice(0, 2)}});
      const {twill, router, theirs} = pair;
      const [first = '', other = ''] = theirs;
      for (const address of theirs) await established(twill, address);
      for (const prefix of many.slice(2)) await router.announce(prefix);
      const isOut = async () => (await twill.peer(first)).isLimited;
      await eventually(isOut, {withinMs: 10_000, everyMs: 50, what: 'the end of the session'});
      const {lastDown, state} = await twill.peer(first);
      t.regex(lastDown?.words ?? '', /too many prefixes|maximum number of prefixes/i);
      t.not(state, 'Established');
      await learns(twill, many[5] ?? '');
      t.is((await twill.peer(other)).established, 1);

      for (const prefix of many.slice(2)) await router.withdraw(prefix);
      twill.command({kind: 'reset', peer: first, words: 'try again'});
      await established(twill, first, 20_000);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'bird sends more than it may: it comes back by itself after the time that was set',
  async t => {
    const sessions = [{twill: {prefixLimit: 5, prefixLimitRestartSeconds: 2}}];
    const pair = await startPair(t, {kind: 'bird', sessions, router: {announces: many}});
    const [address = ''] = pair.theirs;
    const cameBack = async () => (await pair.twill.peer(address)).established >= 2;
    await eventually(cameBack, {withinMs: 20_000, everyMs: 50, what: 'another attempt'});
    t.regex((await pair.twill.peer(address)).lastDown?.words ?? '', /prefixes/i);
  },
  {programs: programs.bird},
);

for (const kind of limited) {
  labTest(
    `${kind} limits us: we say why, and stay out of its table`,
    async t => {
      const ours = Array.from({length: 5}, (_, n) => `10.1.${n}.0/24`);
      const beyond = ['10.1.5.0/24', '10.1.6.0/24'];
      const sessions = [{router: {prefixLimit: 5}}];
      const pair = await startPair(t, {kind, sessions, twill: {announces: ours}});
      const isIn = async () => (await known(pair, ours)).length === ours.length;
      await eventually(isIn, {
        withinMs: 10_000,
        everyMs: 50,
        what: 'control: all that it may have',
      });
      for (const prefix of beyond) await pair.twill.announce(prefix); // FRR counts a message later
      const said = async () => {
        const {lastError, lastDown} = await pair.twill.peer(pair.theirs[0] ?? '');
        return /prefixes/i.test(`${lastError?.words} ${lastDown?.words}`);
      };
      await eventually(said, {withinMs: 15_000, everyMs: 50, what: 'its reason'});
      const isOut = async () => (await known(pair, [...ours, ...beyond])).length === 0;
      await eventually(isOut, {withinMs: 5000, everyMs: 50, what: 'a table without ours'});
      const peers = await pair.router.peers();
      t.is(peers.find(({address}) => address === pair.ours[0])?.isEstablished, false);
      t.deepEqual(await known(pair, [...ours, ...beyond]), []);
    },
    {programs: programs[kind]},
  );
}

const words = 'maintenance until noon, ticket 4711';

labTest(
  'frr says why it shuts down, and we show its words; we say why, and frr shows ours',
  async t => {
    const pair = await startPair(t, {kind: 'frr'});
    await bothKnow(pair);
    const frr = pair.router as Frr;
    await frr.configure(`neighbor ${pair.ours[0]} shutdown message ${words}`);
    await hears(t, pair);
    await frr.configure(`no neighbor ${pair.ours[0]} shutdown`);
    await established(pair.twill, pair.theirs[0] ?? '', 20_000);
    shutDown(pair);
    const knows = async () =>
      (await frr.ask(`show bgp neighbors ${pair.ours[0]} json`)).includes(words);
    await eventually(knows, {withinMs: 10_000, everyMs: 50, what: 'our words at frr'});
  },
  {programs: programs.frr},
);

labTest(
  'openbgpd says why it shuts down, and we show its words; we say why, and it shows ours',
  async t => {
    const pair = await startPair(t, {kind: 'openbgpd', asn: 65001});
    await bothKnow(pair);
    const openbgpd = pair.router as Openbgpd;
    await openbgpd.tool('neighbor', pair.ours[0] ?? '', 'down', words);
    await hears(t, pair);
    await openbgpd.tool('neighbor', pair.ours[0] ?? '', 'up');
    await established(pair.twill, pair.theirs[0] ?? '', 40_000);
    shutDown(pair);
    const shown = async () => (await openbgpd.ask(`show neighbor ${pair.ours[0]}`)).includes(words);
    await eventually(shown, {withinMs: 10_000, everyMs: 50, what: 'our words at openbgpd'});
  },
  {programs: programs.openbgpd},
);

/** Which of these are in the router's table. */
async function known({router}: Pair, prefixes: readonly string[]): Promise<readonly string[]> {
  const routes = await router.routes('ipv4');
  return prefixes.filter(prefix => routes.some(route => route.prefix === prefix));
}

async function bothKnow({twill, router, theirs}: Pair): Promise<void> {
  await established(twill, theirs[0] ?? '');
  await learns(router, announced.twill[0]);
}

async function hears(t: ExecutionContext, {twill, theirs}: Pair): Promise<void> {
  const isSaid = async () => (await twill.peer(theirs[0] ?? '')).lastDown?.words.includes(words);
  await eventually(isSaid, {withinMs: 10_000, everyMs: 50, what: 'its words'});
  t.regex((await twill.peer(theirs[0] ?? '')).lastDown?.words ?? '', /shutdown/i);
}

function shutDown({twill, configs}: Pair): void {
  twill.configure({peers: configs.twill.peers.map(peer => ({...peer, shutdown: words}))});
}
