/*
 *    machine twill                       machine router
 *   +------------------------+   veth   +------------------------------------+
 *   | our speaker, 65001     |==========| BIRD, FRR, GoBGP, OpenBGPD, ExaBGP |
 *   +------------------------+ 4 sessions+-----------------------------------+
 *
 * Claim: with each of them, whoever dials, over IPv4 and over IPv6, between two AS and inside one:
 * sessions come up, routes of both families go both ways by each of them, and go when they are withdrawn
 * and when the other dies.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {kinds, programs, startPair, type Pair, type RouterKind, type Session} from './lab/pair.js';
import {allFamilies, established, familyOf, learns, loses} from './lab/router.js';

const sessions: readonly Session[] = [
  {over: 'ipv4', dialler: 'twill'},
  {over: 'ipv4', dialler: 'router'},
  {over: 'ipv6', dialler: 'twill'},
  {over: 'ipv6', dialler: 'router'},
];

for (const kind of kinds) {
  for (const [name, asn] of [
    ['eBGP', 65002],
    ['iBGP', 65001],
  ] as const) {
    labTest(
      `${kind}, ${name}: four sessions, both families each way`,
      t => exchange(t, kind, asn),
      {
        programs: programs[kind],
      },
    );
  }
}

async function exchange(t: ExecutionContext, kind: RouterKind, asn: number): Promise<void> {
  // OpenBGPD on Linux announces the family that is not the session's with a next hop of ::1 to other AS
  const isApart = kind === 'openbgpd' && asn !== 65001;
  const own = sessions.map(session => ({...session, families: [session.over ?? 'ipv4']}));
  const pair = await startPair(t, {kind, asn, sessions: isApart ? own : sessions});
  const {twill, router, ours, theirs} = pair;
  for (const address of theirs) await established(twill, address);
  for (const address of ours) await established(router, address);
  t.deepEqual(await dialled(pair), ['ipv4 router', 'ipv4 twill', 'ipv6 router', 'ipv6 twill']);

  for (const address of theirs) await gets(pair, address, isApart);
  const isInternal = asn === 65001;
  const path = {asPath: isInternal ? [] : [asn]};
  t.like(await learns(twill, '10.2.0.0/24'), path);
  t.like(await learns(twill, 'fd00:2::/64'), path);
  const ourPath = isInternal ? [] : [65001];
  for (const prefix of ['10.1.0.0/24', 'fd00:1::/64']) {
    t.deepEqual((await learns(router, prefix)).asPath, ourPath);
    await hasPaths(pair, prefix, isApart ? 2 : 4);
  }

  await twill.announce('10.1.1.0/24');
  await learns(router, '10.1.1.0/24');
  await twill.withdraw('10.1.1.0/24');
  await loses(router, '10.1.1.0/24');
  await router.announce('fd00:2:1::/64');
  await learns(twill, 'fd00:2:1::/64');
  await router.withdraw('fd00:2:1::/64');
  await loses(twill, 'fd00:2:1::/64');
  t.truthy(await learns(twill, 'fd00:2::/64'), 'the others stay');

  await router.stop('SIGKILL');
  await loses(twill, '10.2.0.0/24', 15_000);
  await loses(twill, 'fd00:2::/64');
}

/** Who opened each connection: the port that is not 179 is on that side. */
async function dialled({machines}: Pair): Promise<readonly string[]> {
  const {stdout} = await machines.twill.run(['ss', '-Htn', 'state', 'established']);
  const lines = stdout.split('\n').filter(line => /:179\b/.test(line));
  return lines
    .map(line => {
      const [, , local = '', peer = ''] = line.split(/\s+/);
      const over = peer.includes('[') ? 'ipv6' : 'ipv4';
      return `${over} ${local.endsWith(':179') ? 'router' : 'twill'}`;
    })
    .sort();
}

/** Its own of both families; between two AS it also sends back what another session taught it. */
async function gets({twill}: Pair, address: string, isApart: boolean): Promise<void> {
  const families = isApart ? [familyOf(address)] : allFamilies;
  const isThere = async () => {
    const {received} = (await twill.peer(address)).prefixes;
    return families.every(family => received[family] > 0);
  };
  await eventually(isThere, {withinMs: 10_000, everyMs: 50, what: `prefixes from ${address}`});
}

async function hasPaths({router}: Pair, prefix: string, count: number): Promise<void> {
  const isThere = async () => {
    const routes = await router.routes(prefix.includes(':') ? 'ipv6' : 'ipv4');
    return routes.filter(route => route.prefix === prefix).length === count;
  };
  await eventually(isThere, {withinMs: 10_000, everyMs: 50, what: `${count} paths of ${prefix}`});
}
