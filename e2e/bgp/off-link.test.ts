/*
 *   machine twill                    machine router: BIRD, which names another as next hop
 *   192.0.2.10/24 ------------------ 192.0.2.110/24
 *   203.0.113.0/24 via 192.0.2.110
 *
 * Claim (RFC 4271 §6.3): of a neighbour one hop away in another AS a next hop on the link is used, whoever's it is;
 * one behind a router is not, which is logged, and the session stands. Controls: over several hops, and within an
 * AS, that one is used.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {programs, startPair} from './lab/pair.js';
import {established, learns, loses} from './lab/router.js';

const prefix = '10.2.0.0/24';
const [beside, far] = ['192.0.2.200', '203.0.113.7'];

labTest(
  'a next hop that is not on the link of a neighbour one hop away',
  async t => {
    const {twill, theirs} = await startWith(t, {nextHop: far});
    const said = () => twill.hasLogged('next hop on no link of ours, not used');
    await eventually(said, {withinMs: 15_000, everyMs: 50, what: 'a word about it'});
    await loses(twill, prefix);
    const [address = ''] = theirs;
    t.like(await twill.peer(address), {state: 'Established', prefixes: {received: {ipv4: 1}}});
  },
  {programs: programs.bird},
);

const used = [
  ['on the link', {nextHop: beside}, {}],
  ['behind a router, over several hops', {nextHop: far, multihop: 2}, {}],
  ['behind a router, within the AS', {nextHop: far}, {asn: 65001}],
] as const;

for (const [where, settings, options] of used) {
  labTest(
    `a next hop ${where} is used`,
    async t => {
      const {twill, machines, theirs} = await startWith(t, settings, options);
      await established(twill, theirs[0] ?? '');
      t.is((await learns(twill, prefix)).nextHop, settings.nextHop);
      const shown = () => machines.twill.ip(`route show ${prefix}`);
      const isThere = async () => (await shown()) !== '';
      await eventually(isThere, {withinMs: 10_000, everyMs: 50, what: 'the route'});
      t.false(await twill.hasLogged('next hop on no link of ours, not used'));
    },
    {programs: programs.bird},
  );
}

async function startWith(
  t: ExecutionContext,
  settings: {readonly nextHop: string; readonly multihop?: number},
  options: {readonly asn?: number} = {},
) {
  const {nextHop, ...both} = settings;
  const sessions = [{...both, router: {nextHop}}];
  const pair = await startPair(t, {
    ...{kind: 'bird', sessions, ...options},
    twill: {kernel: true},
  });
  await pair.machines.twill.ip(`route add 203.0.113.0/24 via ${pair.theirs[0]}`);
  return pair;
}
