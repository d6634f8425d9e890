/*
 *   machine twill              machine middle               machine router
 *   192.0.2.1/24 ------------- 192.0.2.2  198.51.100.2 ----- 198.51.100.1/24
 *   2001:db8:1::1/64           forwards                      2001:db8:2::1/64
 *
 * Claims (RFC 5082): with TTL security at both ends neighbours on one link speak, whoever dials, over both
 * families, and what was sent with a smaller TTL is not answered; behind a router sessions need `multihop`,
 * and TTL security counts its hops. Where a listener is shared with neighbours without it, the kernel answers, and
 * the connection is closed for what its SYN says.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab} from './lab.js';
import {programs, routers, startPair, type Session} from './lab/pair.js';
import {established, learns, type RouterConfig, type RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

for (const kind of ['bird', 'frr', 'gobgp', 'openbgpd'] as const) {
  labTest(
    `${kind}: TTL security at both ends, and a peer without it is not heard`,
    async t => {
      const ttlSecurity = true;
      const sessions: readonly Session[] = [
        {over: 'ipv4', dialler: 'twill', ttlSecurity, families: ['ipv4']},
        {over: 'ipv4', dialler: 'router', ttlSecurity, families: ['ipv4']},
        {over: 'ipv6', dialler: 'twill', ttlSecurity, families: ['ipv6']},
        {over: 'ipv6', dialler: 'router', ttlSecurity, families: ['ipv6']},
        {over: 'ipv4', dialler: 'twill', twill: {ttlSecurity}},
        {over: 'ipv4', dialler: 'router', twill: {ttlSecurity}},
      ];
      const {twill, theirs} = await startPair(t, {kind, sessions});
      for (const address of theirs.slice(0, 4)) await established(twill, address);
      await learns(twill, 'fd00:2::/64');
      await t.throwsAsync(established(twill, theirs[4] ?? '', 3000));
      await t.throwsAsync(established(twill, theirs[5] ?? '', 10));
    },
    {programs: programs[kind]},
  );
}

labTest(
  'bird without TTL security, on a listener that others share without it: turned away at once',
  async t => {
    const {twill, theirs} = await startPair(t, {
      kind: 'bird',
      sessions: [
        {dialler: 'router', twill: {ttlSecurity: true}},
        {over: 'ipv6', dialler: 'router', twill: {ttlSecurity: true}},
        {dialler: 'router'},
        {over: 'ipv6', dialler: 'router'},
      ],
    });
    for (const address of theirs.slice(2)) await established(twill, address);
    for (const address of theirs.slice(0, 2)) {
      const words = async () => (await twill.lastError(address)) ?? '';
      const what = `a word about ${address}`;
      await eventually(async () => (await words()) !== '', {withinMs: 10_000, everyMs: 50, what});
      t.regex(await words(), /^dialled with TTL 1; TTL security is on for 1 hop/);
      t.is((await twill.peer(address)).state, 'Active');
    }
  },
  {programs: programs.bird},
);

for (const kind of ['bird', 'frr', 'gobgp', 'openbgpd', 'exabgp'] as const) {
  labTest(
    `${kind} behind a router: with multihop 2`,
    async t => {
      const {twill, router} = await apart(t, kind, {multihop: 2});
      for (const {address} of PEERS) await established(twill, address);
      await learns(twill, '10.2.0.0/24');
      await learns(twill, 'fd00:2::/64');
      t.deepEqual((await learns(router, '10.1.0.0/24')).asPath, [65001]);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'bird behind a router: TTL security over two hops',
  async t => {
    const {twill} = await apart(t, 'bird', {multihop: 2, ttlSecurity: true});
    for (const {address} of PEERS) await established(twill, address);
    t.deepEqual((await learns(twill, 'fd00:2::/64')).asPath, [65002]);
  },
  {programs: programs.bird},
);

for (const kind of ['bird', 'frr'] as const) {
  labTest(
    `${kind} behind a router falls silent: BFD over several hops ends the session (RFC 5883)`,
    async t => {
      const bfd = {intervalMs: 100, multiplier: 3};
      const {twill, machine} = await apart(t, kind, {multihop: 2, bfd, holdSeconds: 90});
      const [{address}] = PEERS;
      const isUp = async () => (await twill.peer(address)).bfd?.state === 'Up';
      await eventually(isUp, {withinMs: 20_000, everyMs: 50, what: 'BFD'});
      const drops = '*filter\n-A INPUT -j DROP\n-A OUTPUT -j DROP\nCOMMIT\n';
      await machine.run(['iptables-restore', '--noflush'], {input: drops});
      const words = async () => (await twill.peer(address)).lastDown?.words ?? '';
      await eventually(async () => (await words()) !== '', {withinMs: 3000, what: 'the end'});
      t.regex(await words(), /BFD/);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'controls: bird behind a router without multihop, and with TTL security over one hop only',
  async t => {
    for (const settings of [{}, {ttlSecurity: true}]) {
      const {twill} = await apart(t, 'bird', {multihop: 2, ...settings}, settings);
      for (const {address} of PEERS) await t.throwsAsync(established(twill, address, 2500));
    }
  },
  {programs: programs.bird},
);

const PEERS = [
  {address: '198.51.100.1', localAddress: '192.0.2.1'},
  {address: '2001:db8:2::1', localAddress: '2001:db8:1::1'},
] as const;

type Settings = Partial<RouterPeer>;

async function apart<K extends keyof typeof routers>(
  t: ExecutionContext,
  kind: K,
  theirs: Settings,
  ours: Settings = theirs,
) {
  const lab = await createBgpLab(t);
  const [a, middle, b] = await Promise.all(['twill', 'middle', 'router'].map(lab.machine));
  if (a === undefined || middle === undefined || b === undefined) throw new Error('just made');
  await lab.link(
    {machine: a, addresses: ['192.0.2.1/24', '2001:db8:1::1/64']},
    {machine: middle, addresses: ['192.0.2.2/24', '2001:db8:1::2/64']},
  );
  await lab.link(
    {machine: middle, addresses: ['198.51.100.2/24', '2001:db8:2::2/64']},
    {machine: b, addresses: ['198.51.100.1/24', '2001:db8:2::1/64']},
  );
  await a.ip('route add 198.51.100.0/24 via 192.0.2.2');
  await a.ip('route add 2001:db8:2::/64 via 2001:db8:1::2');
  await b.ip('route add 192.0.2.0/24 via 198.51.100.2');
  await b.ip('route add 2001:db8:1::/64 via 2001:db8:2::2');
  const twill = new Speaker(a, {
    ...{asn: 65001, identifier: '192.0.2.1'},
    nextHops: {ipv4: '192.0.2.1', ipv6: '2001:db8:1::1'},
    announces: ['10.1.0.0/24', 'fd00:1::/64'],
    peers: PEERS.map(ends => ({...ends, ...ours, asn: 65002})),
  });
  const make = routers[kind] as (machine: typeof b, config: RouterConfig) => RouterOf<K>;
  const router = make(b, {
    ...{asn: 65002, identifier: '198.51.100.1'},
    nextHops: {ipv4: '198.51.100.1', ipv6: '2001:db8:2::1'},
    announces: ['10.2.0.0/24', 'fd00:2::/64'],
    peers: PEERS.map(({address: localAddress, localAddress: address}) => ({
      ...{address, localAddress, ...theirs, asn: 65001},
    })),
  });
  await Promise.all([twill.start(), router.start()]);
  return {twill, router, machine: b};
}

type RouterOf<K extends keyof typeof routers> = ReturnType<(typeof routers)[K]>;
