/*
 *    machine twill                 machine router
 *   +--------------------+        +--------------------------+
 *   | our speaker 65001  |--veth--| BIRD, FRR or GoBGP       |
 *   | 192.0.2.1 db8::1   |        |                          |
 *   +--------------------+        | 192.0.2.2 db8::2         |
 *                                 +--------------------------+
 *
 * Claim: with each of them, whoever dials, over IPv4 and over IPv6, in one AS and between two, with a
 * key and without: sessions come up, routes of both families go both ways, and go when they are withdrawn
 * and when the other dies.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {Bird} from './lab/bird.js';
import {Frr} from './lab/frr.js';
import {Gobgp} from './lab/gobgp.js';
import {
  established,
  learns,
  loses,
  type Router,
  type RouterConfig,
  type RouterPeer,
} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

type Make = (machine: Machine, config: RouterConfig) => Router;
const makers: Readonly<Record<string, Make>> = {
  bird: (machine, config) => new Bird(machine, config),
  frr: (machine, config) => new Frr(machine, config),
  gobgp: (machine, config) => new Gobgp(machine, config),
};
const programs = ['bird', 'vtysh', 'gobgpd'];

interface Case {
  readonly asn: number; // the router's; ours is 65001
  readonly dialler: 'twill' | 'router';
  readonly over: 'ipv4' | 'ipv6';
  readonly password?: string;
  readonly routerPassword?: string; // when it is another
}

const ends = {
  ipv4: {twill: '192.0.2.1', router: '192.0.2.2'},
  ipv6: {twill: '2001:db8::1', router: '2001:db8::2'},
} as const;

async function pair(t: ExecutionContext, kind: string, {asn, dialler, over, ...keys}: Case) {
  const lab = await createBgpLab(t);
  const [a, b] = await Promise.all([lab.machine('twill'), lab.machine('router')]);
  await lab.link(
    {machine: a, addresses: ['192.0.2.1/24', '2001:db8::1/64']},
    {machine: b, addresses: ['192.0.2.2/24', '2001:db8::2/64']},
  );
  const {twill: ours, router: theirs} = ends[over];
  const {password, routerPassword = password} = keys;
  const peer = (rest: Omit<RouterPeer, 'passive'>, isPassive: boolean): RouterPeer => ({
    ...rest,
    ...(isPassive && {passive: true}),
  });
  const twill = new Speaker(a, {
    asn: 65001,
    identifier: '192.0.2.1',
    nextHops: {ipv4: '192.0.2.1', ipv6: '2001:db8::1'},
    announces: ['10.1.0.0/24', 'fd00:1::/64'],
    peers: [
      peer(
        {address: theirs, localAddress: ours, asn, ...(password && {password})},
        dialler === 'router',
      ),
    ],
  });
  const router = makers[kind]!(b, {
    asn,
    identifier: '192.0.2.2',
    nextHops: {ipv4: '192.0.2.2', ipv6: '2001:db8::2'},
    announces: ['10.2.0.0/24', 'fd00:2::/64'],
    peers: [
      peer(
        {
          ...{address: ours, localAddress: theirs, asn: 65001},
          ...(routerPassword && {password: routerPassword}),
        },
        dialler === 'twill',
      ),
    ],
  });
  await Promise.all([twill.start(), router.start()]);
  return {twill, router, ours, theirs};
}

async function exchange(t: ExecutionContext, kind: string, chosen: Case): Promise<void> {
  const {twill, router, ours, theirs} = await pair(t, kind, chosen);
  await Promise.all([established(twill, theirs), established(router, ours)]);
  const isInternal = chosen.asn === 65001;
  const path = isInternal ? [] : [chosen.asn];
  t.like(await learns(twill, '10.2.0.0/24'), {nextHop: '192.0.2.2', asPath: path});
  t.like(await learns(twill, 'fd00:2::/64'), {nextHop: '2001:db8::2', asPath: path});
  t.like(await learns(router, '10.1.0.0/24'), {nextHop: '192.0.2.1'});
  t.deepEqual((await learns(router, 'fd00:1::/64')).asPath, isInternal ? [] : [65001]);

  await twill.announce('10.1.1.0/24');
  await learns(router, '10.1.1.0/24');
  await twill.withdraw('10.1.1.0/24');
  await loses(router, '10.1.1.0/24');
  await router.announce('fd00:2:1::/64');
  await learns(twill, 'fd00:2:1::/64');
  await router.withdraw('fd00:2:1::/64');
  await loses(twill, 'fd00:2:1::/64');

  await router.stop('SIGKILL');
  await loses(twill, '10.2.0.0/24', 15_000);
  await loses(twill, 'fd00:2::/64');
}

for (const kind of ['bird', 'frr', 'gobgp']) {
  for (const dialler of ['twill', 'router'] as const) {
    const who = dialler === 'twill' ? 'we dial' : 'it dials';
    labTest(
      `${kind}, eBGP over IPv4, ${who}`,
      t => exchange(t, kind, {asn: 65002, dialler, over: 'ipv4'}),
      {programs},
    );
  }
}

for (const kind of ['bird', 'frr']) {
  labTest(
    `${kind}, iBGP over IPv6, with a key`,
    t => exchange(t, kind, {asn: 65001, dialler: 'twill', over: 'ipv6', password: 'orange'}),
    {programs},
  );
  labTest(
    `${kind} with another key: no session, and the reason is guessed in words`,
    async t => {
      const keys = {password: 'orange', routerPassword: 'lemon'};
      const chosen = {asn: 65002, dialler: 'twill', over: 'ipv4', ...keys} as const;
      const {twill, theirs} = await pair(t, kind, chosen);
      const words = () => twill.lastError(theirs);
      await eventually(async () => /password|key/.test((await words()) ?? ''), {
        withinMs: 30_000,
        everyMs: 200,
        what: 'a word about the key',
      });
      t.false((await twill.peers()).some(({isEstablished}) => isEstablished));
    },
    {programs},
  );
}
