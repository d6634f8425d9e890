/** For tests: path attributes of all kinds, the usual ones more often. */
import fc from 'fast-check';

import type {PathAttributes} from './attributes.js';

const word = fc.oneof(fc.integer({min: 1, max: 0xffff_ffff}), fc.integer({min: 1, max: 5}));
const asn = fc.constantFrom(1, 23_456, 64_512, 65_000, 65_001, 65_536, 4_200_000_000);
const segment = fc.record({
  kind: fc.constantFrom('sequence' as const, 'sequence' as const, 'set' as const),
  asns: fc.oneof(
    fc.array(asn, {minLength: 1, maxLength: 5}),
    fc.constantFrom(58, 60, 254, 255).map(count => new Array<number>(count).fill(65_001)),
  ),
});
const maybe = <T>(what: fc.Arbitrary<T>, freq = 2) => fc.option(what, {nil: undefined, freq});
const rarely = <T>(what: fc.Arbitrary<T>) =>
  fc.oneof({weight: 9, arbitrary: fc.constant(undefined)}, {weight: 1, arbitrary: what});
const large = fc.record({global: word, local1: word, local2: word});
const communities = fc.array(
  fc.oneof(word, fc.constantFrom(0xffff_ff01, 0xffff_ff02, 0xffff_0000, 0xffff_0006)),
  {minLength: 1, maxLength: 4},
);

export const anyAttributes: fc.Arbitrary<PathAttributes> = fc.record({
  origin: fc.constantFrom(0, 1, 2),
  asPath: fc.array(segment, {maxLength: 3}),
  nextHop: maybe(fc.constantFrom(0x0a000001, 0x0a000002, 0x7f000001, 0xc0000201), 5),
  med: maybe(word),
  localPref: rarely(word),
  atomicAggregate: maybe(fc.constant(true)),
  aggregator: maybe(fc.record({asn, address: word})),
  communities: maybe(communities),
  originatorId: rarely(word),
  clusterList: rarely(fc.array(word, {minLength: 1, maxLength: 3})),
  largeCommunities: rarely(fc.array(large, {minLength: 1, maxLength: 2})),
  otc: rarely(asn),
  unknown: rarely(fc.constant([{type: 99, value: Uint8Array.of(1, 2)}])),
});
