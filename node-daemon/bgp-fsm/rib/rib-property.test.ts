/** TWILL_FUZZ_RUNS=20000 makes a campaign of it. */
import test from 'ava';
import fc from 'fast-check';

import {compilePolicy} from '../policy/compile-policy.js';
import {communities, communityPattern, range} from '../policy/paper-rules.js';
import type {PolicyRule} from '../policy/rule.js';
import type {PathAttributes} from '../wire/attributes.js';
import {formatAddress, parseCidr} from '../wire/address.js';
import {lineOf, NaiveSpeaker, OWN, type NaivePeer} from './naive-speaker.js';
import {feed, octets, options, pathBy, plain, Receiver, sessionOf, updateOf} from './paper-rib.js';
import {Rib} from './rib.js';
import type {PeerPolicy, RibSession} from './types.js';

/** Small worlds: whatever can meet does. */
const prefixes = ['10.0.0.0/8', '10.0.0.0/16', '10.1.0.0/24', '10.2.0.0/24', '0.0.0.0/0'];
const hops = ['192.0.2.50', '192.0.2.14']; // one is a neighbour's own
const neighbours = [
  {asn: 65001, identifier: 11, address: '192.0.2.11', policy: {}},
  {asn: 65002, identifier: 12, address: '192.0.2.12', policy: {enforceFirstAs: true}},
  {asn: 65003, identifier: 16, address: '192.0.2.16', policy: {nextHopsOnLink: true}},
  {asn: OWN.asn, identifier: 13, address: '192.0.2.13', policy: {nextHop: 'self'}},
  {asn: OWN.asn, identifier: 14, address: '192.0.2.14', policy: {reflectorClient: true}},
  {asn: OWN.asn, identifier: 17, address: '192.0.2.17', policy: {reflectorClient: true}},
  {
    ...{asn: OWN.asn, identifier: 15, address: '192.0.2.15'},
    policy: {reflectorClient: true, nextHop: 'self-force'},
  },
] as const;

const rules: fc.Arbitrary<PolicyRule> = fc
  .record({
    match: fc.constantFrom<PolicyRule['match']>(
      undefined,
      {prefixes: [range('10.0.0.0/8 ge 16 le 24')]},
      {communities: [communityPattern('1:*')]},
      {asPath: '_7_'},
      {sources: ['reflected', 'local']},
    ),
    set: fc.constantFrom<PolicyRule['set']>(
      undefined,
      undefined,
      {localPref: 200},
      {med: 5},
      {addCommunities: communities('1:9')},
      {removeCommunities: [communityPattern('1:*')]},
      {prependAs: 1},
    ),
    action: fc.constantFrom('accept', 'accept', 'reject'),
  })
  .map(({match, set, action}) => {
    const isSetting = set !== undefined && action === 'accept';
    return {match, action, ...(isSetting && {set})} as PolicyRule;
  });
const policies = fc.option(fc.array(rules, {maxLength: 3}), {nil: undefined});

const rich: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom(0, 2),
    med: fc.constantFrom(1, 2),
    localPref: fc.constantFrom(50, 100, 150),
    communities: fc.constantFrom(
      ...[[0x1_0001], [0xffff_ff01], [0xffff_ff02], [0xffff_0000], [0x2_0001]],
    ),
    originatorId: fc.constantFrom(13, 99, OWN.identifier),
    clusterList: fc.constantFrom([98], [98, 97], [OWN.identifier]),
  },
  {requiredKeys: ['origin']},
);
/** Often the same from several peers: what is remembered of one must not be another's. */
const attributes = fc.oneof(
  fc.constantFrom<PathAttributes>({origin: 0}, {origin: 0, med: 1}),
  rich,
);
const paths = fc.constantFrom([], [7], [7], [7, 8], [8], [OWN.asn, 7]);

const peerIx = fc.nat(neighbours.length - 1);
const some = fc.subarray(prefixes, {minLength: 1});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('announce'),
      peer: peerIx,
      some,
      attributes,
      paths,
      hop: fc.nat(1),
    }),
  },
  {weight: 3, arbitrary: fc.record({do: fc.constant('withdraw'), peer: peerIx, some})},
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('policy'),
      peer: peerIx,
      import: policies,
      export: policies,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({do: fc.constant('client'), peer: peerIx, isClient: fc.boolean()}),
  },
  {weight: 1, arbitrary: fc.record({do: fc.constant('flap'), peer: peerIx})},
  {
    weight: 1,
    arbitrary: fc.record({
      ...{do: fc.constant('hop'), hop: fc.nat(1)},
      metric: fc.constantFrom(0, undefined, 5),
    }),
  },
  {weight: 1, arbitrary: fc.record({do: fc.constant('local'), some: fc.subarray(prefixes)})},
  {
    weight: 1,
    arbitrary: fc.record({do: fc.constant('refresh'), peer: peerIx, keeps: fc.subarray(prefixes)}),
  },
  {weight: 4, arbitrary: fc.record({do: fc.constant('work'), limit: fc.integer({min: 1, max: 3})})},
  {weight: 2, arbitrary: fc.record({do: fc.constant('send'), peer: peerIx})},
  {weight: 3, arbitrary: fc.record({do: fc.constant('settle')})},
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Neighbour {
  readonly naive: NaivePeer;
  readonly ix: number;
  readonly session: RibSession;
  receiver: Receiver;
}

/** The real one and the naive one, told the same. */
class World {
  readonly rib = new Rib(options, 1);
  readonly naive: NaiveSpeaker;
  readonly peers: readonly Neighbour[];
  readonly kernel = new Map<string, string>();

  constructor() {
    this.peers = neighbours.map(({asn, identifier, address, policy: change}) => {
      const policy: PeerPolicy = {...plain, ...change};
      const session = {
        ...sessionOf({asn, identifier}),
        ...{peerAddress: octets(address), isDirect: true},
      };
      const ix = this.rib.addPeer(octets(address), policy);
      this.rib.sessionUp(ix, session);
      const naive = {asn, identifier, address, policy, isUp: true, paths: new Map()};
      return {naive, ix, session, receiver: new Receiver(session)};
    });
    this.naive = new NaiveSpeaker(this.peers.map(({naive}) => naive));
  }

  do(step: Step): void {
    switch (step.do) {
      case 'announce':
        return this.#announce(this.peers[step.peer]!, step);
      case 'withdraw': {
        const {ix, session, naive} = this.peers[step.peer]!;
        const known = step.some.filter(prefix => naive.paths.delete(prefix));
        if (known.length > 0) feed(this.rib, ix, updateOf({cidrs: known}, session));
        return;
      }
      case 'policy': {
        const {ix, naive} = this.peers[step.peer]!;
        const importPolicy = step.import && compilePolicy(step.import, 'import');
        const exportPolicy = step.export && compilePolicy(step.export, 'export');
        naive.policy = {...naive.policy, importPolicy, exportPolicy};
        return this.rib.setPolicy(ix, naive.policy);
      }
      case 'client': {
        const {ix, naive} = this.peers[step.peer]!;
        naive.policy = {...naive.policy, reflectorClient: step.isClient};
        return this.rib.setPolicy(ix, naive.policy);
      }
      case 'flap': {
        const peer = this.peers[step.peer]!;
        this.rib.sessionDown(peer.ix);
        this.rib.deleteRoutes(peer.ix, 'ipv4');
        peer.naive.paths.clear();
        this.rib.sessionUp(peer.ix, peer.session);
        peer.receiver = new Receiver(peer.session);
        return;
      }
      case 'hop': {
        const address = hops[step.hop]!;
        const {metric} = step;
        this.naive.metrics.set(address, metric);
        return this.rib.setNextHops([{address: octets(address), ifindex: 0, metric}]);
      }
      case 'local':
        this.naive.local = new Map(step.some.map(prefix => [prefix, {origin: 0, asPath: []}]));
        return this.rib.setLocalRoutes(
          step.some.map(prefix => {
            const {address, bits} = parseCidr(prefix)!;
            return {family: 'ipv4', address, bits, attributes: {origin: 0, asPath: []}};
          }),
        );
      case 'refresh':
        return this.#refresh(this.peers[step.peer]!, step.keeps);
      case 'work':
        return void this.rib.work(step.limit);
      case 'settle':
        return this.settle();
      case 'send': {
        const {ix, receiver} = this.peers[step.peer]!;
        return receiver.take(this.rib.takeUpdates(ix, 100));
      }
    }
  }

  /** The peer says all once more, and some of it no more (RFC 7313). */
  #refresh({ix, session, naive}: Neighbour, keeps: readonly string[]): void {
    this.rib.beginRefresh(ix, 'ipv4');
    for (const [prefix, path] of naive.paths) {
      if (!keeps.includes(prefix)) naive.paths.delete(prefix);
      else feed(this.rib, ix, updateOf({cidrs: [prefix], ...path}, session));
    }
    this.rib.endRefresh(ix, 'ipv4');
  }

  #announce({ix, session, naive}: Neighbour, step: Extract<Step, {do: 'announce'}>): void {
    const isInside = naive.asn === OWN.asn;
    const {origin, med, communities: list} = step.attributes;
    const shared = {origin, med, communities: list};
    const asns = isInside ? step.paths : [naive.asn, ...step.paths];
    const told = isInside ? step.attributes : shared;
    const path = {attributes: pathBy(asns, told), nextHop: hops[step.hop]!};
    for (const prefix of step.some) naive.paths.set(prefix, path);
    feed(this.rib, ix, updateOf({cidrs: step.some, ...path}, session));
  }

  settle(): void {
    while (this.rib.work(100));
    for (const {ix, receiver} of this.peers) {
      for (
        let bytes = this.rib.takeUpdates(ix, 4096);
        bytes;
        bytes = this.rib.takeUpdates(ix, 4096)
      ) {
        receiver.take(bytes);
      }
    }
    for (const {address, bits, nextHops} of this.rib.takeSelected(1000)) {
      const prefix = `${formatAddress(address)}/${bits}`;
      if (nextHops.length === 0) this.kernel.delete(prefix);
      else this.kernel.set(prefix, nextHops.map(hop => formatAddress(hop.address)).join());
    }
  }

  /** What each has, of both. */
  get views(): readonly (readonly [
    what: string,
    is: readonly string[],
    mustBe: readonly string[],
  ])[] {
    const kernel = [...this.kernel].map(([prefix, hop]) => `${prefix} -> ${hop}`).sort();
    return [
      ['kernel', kernel, [...this.naive.selected].sort()],
      ...this.peers.map(({naive, receiver}) => {
        const has = [...receiver.routes].map(([prefix, told]) => lineOf(prefix, told));
        return [naive.address, has.sort(), [...this.naive.announcedTo(naive)].sort()] as const;
      }),
    ];
  }
}

const runs = Number(process.env['TWILL_FUZZ_RUNS'] ?? 1000);

test('whatever is told in whatever order, all are told what the rules say', t => {
  let [routes, repeated] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, {maxLength: 40}), steps => {
      const world = new World();
      for (const each of steps) world.do(each);
      world.settle();
      repeated += world.rib.repeated;
      for (const [what, is, mustBe] of world.views) {
        routes += mustBe.length;
        if (is.join('\n') !== mustBe.join('\n')) {
          throw new Error(`${what} has\n${is.join('\n')}\nand must have\n${mustBe.join('\n')}`);
        }
      }
    }),
    {numRuns: runs, includeErrorInReport: true},
  );
  t.true(routes > runs, `${routes} routes were compared`);
  t.true(repeated > runs / 20, `${repeated} times a peer was told what another one had been`);
});
