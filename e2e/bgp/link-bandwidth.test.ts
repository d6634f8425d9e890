/*
 *   FRR 1, FRR 2 (both 65011) ── twill (65001)         twill 1, twill 2 (both 65011) ── FRR (65001)
 *
 * Claim (draft-ietf-idr-link-bandwidth): two ways with bandwidths of 1 to 3 have weights of 1 to 3 in the
 * kernel, whoever of us and FRR announces and whoever installs. Where one path says nothing, both weigh the
 * same: that is the control as well.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {Frr} from './lab/frr.js';
import {programs} from './lab/pair.js';
import type {RouterConfig, RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const prefix = '10.9.0.0/24';
const prefix6 = 'fd00:9::/64';
const MBIT = 125_000; // octets

labTest(
  'bandwidths that FRR announces are weights of our routes',
  async t => {
    const {middle, sides} = await star(t);
    const twill = new Speaker(middle, centre({}));
    const frrs = sides.map((machine, n) => new Frr(machine, side(n, {})));
    await Promise.all([twill, ...frrs].map(each => each.start()));
    await weights(t, middle, '1:1');
    for (const [n, frr] of frrs.entries()) {
      const mbps = n === 0 ? 1000 : 3000;
      await frr.ask('configure terminal', 'route-map LB permit 10', bandwidth(mbps));
      for (const family of ['ipv4', 'ipv6']) {
        const out = `neighbor 192.0.${n + 2}.1 route-map LB out`;
        await frr.configure(`address-family ${family} unicast`, out);
      }
      if (n === 0) await weights(t, middle, '1:1'); // the other one says nothing yet
    }
    await weights(t, middle, '1:3');
    await frrs[1]?.ask('configure terminal', 'route-map LB permit 10', bandwidth(500));
    await weights(t, middle, '2:1');
  },
  {programs: programs.frr},
);

labTest(
  'bandwidths that we announce are weights of routes of FRR',
  async t => {
    const {middle, sides} = await star(t);
    const frr = new Frr(middle, centre({}));
    const ours = sides.map((machine, n) => {
      const linkBandwidth = (n === 0 ? 1000 : 3000) * MBIT;
      return new Speaker(machine, side(n, {linkBandwidth}));
    });
    await Promise.all([frr, ...ours].map(each => each.start()));
    await weights(t, middle, '1:3');
    ours[1]?.configure(side(1, {}));
    await weights(t, middle, '1:1');
  },
  {programs: programs.frr},
);

async function star(t: ExecutionContext): Promise<{middle: Machine; sides: readonly Machine[]}> {
  const lab = await createBgpLab(t);
  const middle = await lab.machine('middle');
  const sides = [await lab.machine('one'), await lab.machine('two')];
  for (const [n, machine] of sides.entries()) {
    const ends = (side: number) => [`192.0.${n + 2}.${side}/24`, `2001:db8:${n + 2}::${side}/64`];
    await lab.link({machine: middle, addresses: ends(1)}, {machine, addresses: ends(2)});
  }
  return {middle, sides};
}

function centre(more: Partial<RouterPeer>): RouterConfig {
  return {
    ...{asn: 65001, identifier: '192.0.2.1', kernel: true, multipath: 4},
    nextHops: {ipv4: '192.0.2.1', ipv6: '2001:db8:2::1'},
    peers: [2, 3].map(n => ({
      ...{address: `192.0.${n}.2`, localAddress: `192.0.${n}.1`, asn: 65011, ...more},
    })),
  };
}

function side(index: number, more: Partial<RouterPeer>): RouterConfig {
  const n = index + 2;
  return {
    ...{asn: 65011, identifier: `192.0.${n}.2`, announces: [prefix, prefix6]},
    nextHops: {ipv4: `192.0.${n}.2`, ipv6: `2001:db8:${n}::2`},
    peers: [{address: `192.0.${n}.1`, localAddress: `192.0.${n}.2`, asn: 65001, ...more}],
  };
}

function bandwidth(mbps: number): string {
  return `set extcommunity bandwidth ${mbps}`;
}

interface Hop {
  readonly dev: string; // the link tells the sides apart; an IPv6 gateway may be any link-local address
  readonly weight?: number;
}

/** Resolves when both families have it, as "one:two" in lowest terms. */
async function weights(t: ExecutionContext, machine: Machine, expected: string): Promise<void> {
  for (const [family, what] of [
    ['-4', prefix],
    ['-6', prefix6],
  ] as const) {
    const isSo = async () => {
      const {stdout} = await machine.run(['ip', '-j', family, 'route', 'show', what]);
      const [route] = JSON.parse(stdout || '[]') as [{nexthops?: readonly Hop[]}?];
      const hops = route?.nexthops ?? [];
      const [one = 0, two = 0] = ['to-one', 'to-two'].map(link => {
        const hop = hops.find(({dev}) => dev.startsWith(link));
        return hop && (hop.weight ?? 1);
      });
      const [l = 0, r = 0] = expected.split(':').map(Number);
      if (hops.length === 2 && Math.abs(one / two - l / r) < 0.02) return true;
      throw new Error(`${hops.length} ways, ${one}:${two}`);
    };
    await eventually(isSo, {withinMs: 20_000, everyMs: 100, what: `${what} by ${expected}`});
    t.true(await isSo(), `${what} stays shared by ${expected}`);
  }
}
