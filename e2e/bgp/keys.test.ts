/*
 *    machine twill                       machine router
 *   +------------------------+  veth   +-------------------------------+
 *   | our speaker, 65001     |=========| BIRD, FRR or GoBGP            |
 *   +------------------------+ MD5     +-------------------------------+
 *
 * Claims (RFC 2385): with the right key sessions come up, whoever dials, over both families; with another
 * or none they do not, and we say in words why that may be; a key that is changed at both ends while they
 * speak costs the session, but no route in the kernel, and no other session; one key of a prefix stands
 * for all who dial from inside it, and nobody gets in without.
 */
import {eventually} from '../lab/eventually.js';
import {Monitor} from '../lab/monitor.js';
import {labTest} from '../privileged.js';
import type {Bird} from './lab/bird.js';
import type {Frr} from './lab/frr.js';
import {createPair, programs, startPair, type Session} from './lab/pair.js';
import {established, learns, type RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

for (const kind of ['bird', 'frr', 'gobgp'] as const) {
  labTest(
    `${kind}: the right key, over both families, whoever dials`,
    async t => {
      const sessions: readonly Session[] = [
        {over: 'ipv4', dialler: 'twill', password: 'orange', families: ['ipv4']},
        {over: 'ipv4', dialler: 'router', password: 'lemon', families: ['ipv4']},
        {over: 'ipv6', dialler: 'twill', password: 'orange', families: ['ipv6']},
        {over: 'ipv6', dialler: 'router', password: 'lemon', families: ['ipv6']},
      ];
      const {twill, theirs} = await startPair(t, {kind, sessions});
      for (const address of theirs) await established(twill, address);
      t.is((await learns(twill, 'fd00:2::/64')).asPath[0], 65002);
    },
    {programs: programs[kind]},
  );
}

for (const [kind, dialler] of [
  ['bird', 'twill'],
  ['frr', 'router'],
  ['gobgp', 'both'],
] as const) {
  labTest(
    `${kind}: another key or none, ${dialler} dials: no session, and the reason is guessed in words`,
    async t => {
      const wrong: Session = {dialler, twill: {password: 'orange'}, router: {password: 'lemon'}};
      const missing: Session = {dialler, twill: {password: 'orange'}};
      const {twill, theirs} = await startPair(t, {kind, sessions: [wrong, missing, {dialler}]});
      const [wrongly = '', without = '', control = ''] = theirs;
      await established(twill, control);
      const hasWords = async () => /wrong key\?/.test((await twill.lastError(wrongly)) ?? '');
      if (dialler === 'twill') {
        await eventually(hasWords, {withinMs: 30_000, everyMs: 200, what: 'a word about the key'});
      } else await t.throwsAsync(established(twill, wrongly, 3000));
      const peers = await twill.peers();
      const up = peers.filter(({isEstablished}) => isEstablished).map(({address}) => address);
      t.deepEqual(up, [control], `${wrongly} and ${without} are out`);
    },
    {programs: programs[kind]},
  );
}

for (const kind of ['bird', 'frr'] as const) {
  labTest(
    `${kind}: a key changes at both ends: no route leaves the kernel, the other session stays`,
    async t => {
      const config = {kernel: true, gracefulRestart: {timeSeconds: 30}};
      const dialler = 'twill'; // connections that collide may end a session that just came up
      const sessions: readonly Session[] = [
        {dialler, password: 'orange'},
        {dialler, password: 'lemon'},
      ];
      const pair = await startPair(t, {kind, sessions, twill: config, router: config});
      const {twill, machines, theirs, ours} = pair;
      for (const address of theirs) await established(twill, address);
      const isThere = async () => (await machines.twill.ip('route show 10.2.0.0/24')) !== '';
      await eventually(isThere, {withinMs: 10_000, everyMs: 50, what: 'the route in the kernel'});
      const monitor = await Monitor.open(machines.twill.namespace);

      const withNext = ([first, ...rest]: readonly RouterPeer[]): readonly RouterPeer[] =>
        first === undefined ? [] : [{...first, password: 'melon'}, ...rest];
      if (kind === 'bird') {
        const {router: old} = pair.configs;
        await (pair.router as Bird).reconfigure({...old, peers: withNext(old.peers)});
      } else await (pair.router as Frr).configure(`neighbor ${ours[0]} password melon`);
      twill.configure({peers: withNext(pair.configs.twill.peers)});
      const [changed = '', other = ''] = theirs;
      const isBack = async () => {
        const {state, established: times} = await twill.peer(changed);
        return state === 'Established' && times > 1;
      };
      await eventually(isBack, {withinMs: 20_000, everyMs: 50, what: 'the session with a new key'});
      t.is((await twill.peer(other)).established, 1);
      t.deepEqual(
        monitor.lines().filter(line => /Deleted 10\.2\.0\.0/.test(line)),
        [],
      );
    },
    {programs: programs[kind]},
  );
}

for (const kind of ['bird', 'frr', 'gobgp'] as const) {
  labTest(
    `${kind} dials with another key, without one, or with one that we do not know of: the reason is guessed in words`,
    async t => {
      const dialler = 'router';
      const wrong: Session = {dialler, twill: {password: 'orange'}, router: {password: 'lemon'}};
      const missing: Session = {dialler, twill: {password: 'orange'}};
      const unknown: Session = {dialler, router: {password: 'lemon'}};
      const silent: Session = {dialler, twill: {shutdown: 'control'}};
      const sessions = [wrong, missing, unknown, silent, {dialler, password: 'melon'}] as const;
      const {twill, theirs} = await startPair(t, {kind, sessions});
      const [wrongly = '', without = '', unasked = '', off = '', control = ''] = theirs;
      await established(twill, control);
      const says = (address: string, words: RegExp) => {
        const isSaid = async () => words.test((await twill.lastError(address)) ?? '');
        return eventually(isSaid, {withinMs: 40_000, everyMs: 200, what: `${String(words)}`});
      };
      const [start, end] = ['^no connection came in; TCP segments', 'were dropped on this host'];
      const [withWrong, withNone] = ['with a wrong MD5 key', 'without an MD5 key'];
      const keyed = `(${withWrong}|${withNone}|${withWrong} and ${withNone})`; // of the host, not by sender
      await says(wrongly, new RegExp(`${start} ${keyed} ${end}, wrong key\\?$`));
      await says(without, new RegExp(`${start} .*${withNone} ${end}, wrong key\\?$`));
      await says(
        unasked,
        new RegExp(`${start} with an MD5 key ${end}, no password configured here`),
      );
      for (const address of [off, control]) t.is(await twill.lastError(address), undefined);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'bird dials from inside a prefix that has a key; without the key it does not get in',
  async t => {
    const sessions: readonly Session[] = [
      {dialler: 'router', router: {password: 'orange'}},
      {dialler: 'router'},
      {dialler: 'router', over: 'ipv6', router: {password: 'lemon'}},
    ];
    const pair = await createPair(t, {kind: 'bird', sessions});
    const ranges = [
      {cidr: '192.0.2.0/24', asn: 65002, password: 'orange'},
      {cidr: '2001:db8::/32', asn: 65002, password: 'lemon'},
    ];
    const twill = new Speaker(pair.machines.twill, {...pair.configs.twill, peers: []}, {ranges});
    await Promise.all([twill.start(), pair.router.start()]);
    const [keyed = '', without = '', keyed6 = ''] = pair.theirs;
    await established(twill, keyed);
    await established(twill, keyed6);
    await learns(twill, '10.2.0.0/24');
    await t.throwsAsync(established(twill, without, 3000));
  },
  {programs: programs.bird},
);
