/*
 *   twill 4200000001 ---- router 4200000002 (BIRD, FRR, GoBGP, OpenBGPD, ExaBGP)
 *   BIRD 4200000001 ---- twill 65001 ---- old BIRD 65002, two octets ---- twill 65003
 *
 * Claims (RFC 6793): AS numbers of four octets go both ways with each of them; a speaker that knows only
 * two octets sees AS_TRANS and carries what it does not know, so that beyond it the path is whole again.
 */
import {labTest} from '../privileged.js';
import {createBgpLab} from './lab.js';
import {Bird} from './lab/bird.js';
import {kinds, programs, startPair} from './lab/pair.js';
import {established, learns, type RouterConfig, type RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const asTrans = 23456;

for (const kind of kinds) {
  labTest(
    `${kind}: AS numbers of four octets`,
    async t => {
      const pair = await startPair(t, {kind, ourAsn: 4_200_000_001, asn: 4_200_000_002});
      await established(pair.twill, pair.theirs[0] ?? '');
      t.deepEqual((await learns(pair.twill, '10.2.0.0/24')).asPath, [4_200_000_002]);
      t.deepEqual((await learns(pair.router, '10.1.0.0/24')).asPath, [4_200_000_001]);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'exabgp with two octets: our AS is AS_TRANS in its OPEN, and AS4_PATH tells the real one',
  async t => {
    const sessions = [{router: {as4: false, asn: asTrans}}];
    const pair = await startPair(t, {kind: 'exabgp', ourAsn: 4_200_000_001, sessions});
    await established(pair.twill, pair.theirs[0] ?? '');
    t.deepEqual((await learns(pair.twill, '10.2.0.0/24')).asPath, [65002]);
    // it puts AS4_PATH together with AS_PATH, so this is what both say
    t.deepEqual((await learns(pair.router, '10.1.0.0/24')).asPath, [4_200_000_001]);
    t.deepEqual((await learns(pair.router, 'fd00:1::/64')).asPath, [4_200_000_001]);
  },
  {programs: programs.exabgp},
);

labTest(
  'a path through a bird with two octets is whole again behind it',
  async t => {
    const lab = await createBgpLab(t);
    const chain = await Promise.all(['source', 'left', 'old', 'right'].map(lab.machine));
    for (const [n, machine] of chain.entries()) {
      const next = chain[n + 1];
      if (next === undefined) break;
      const ends = [`192.0.${n}.1/24`, `192.0.${n}.2/24`];
      await lab.link({machine, addresses: [ends[0]!]}, {machine: next, addresses: [ends[1]!]});
    }
    const asns = [4_200_000_001, 65001, 65002, 65003];
    /** Of the n-th: who is before and behind it. */
    const config = (n: number, settings: Partial<RouterPeer> = {}): RouterConfig => ({
      asn: asns[n] ?? 0,
      identifier: `192.0.2.${n + 1}`,
      nextHops: {ipv4: `192.0.${n}.1`, ipv6: '::'},
      peers: [
        {address: `192.0.${n - 1}.1`, localAddress: `192.0.${n - 1}.2`, asn: asns[n - 1] ?? 0},
        {address: `192.0.${n}.2`, localAddress: `192.0.${n}.1`, asn: asns[n + 1] ?? 0},
      ]
        .filter(({asn}) => asn !== 0)
        .map(peer => ({...peer, ...settings, families: ['ipv4']})),
    });
    const [source, left, old, right] = [
      new Bird(chain[0]!, {...config(0), announces: ['10.1.0.0/24']}),
      new Speaker(chain[1]!, config(1)),
      new Bird(chain[2]!, config(2, {as4: false})),
      new Speaker(chain[3]!, {...config(3), announces: ['10.3.0.0/24']}),
    ];
    await Promise.all([source.start(), left.start(), old.start(), right.start()]);
    t.deepEqual((await learns(left, '10.1.0.0/24')).asPath, [4_200_000_001]);
    // it reads AS4_PATH, and sends AS_PATH in two octets
    t.deepEqual((await learns(old, '10.1.0.0/24')).asPath, [65001, 4_200_000_001]);
    t.deepEqual((await learns(right, '10.1.0.0/24')).asPath, [65002, 65001, 4_200_000_001]);
    t.deepEqual((await learns(source, '10.3.0.0/24')).asPath, [65001, 65002, 65003]);
  },
  {programs: programs.bird},
);
