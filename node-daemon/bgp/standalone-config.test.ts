import test from 'ava';
import {parseStandalone} from './standalone-config.js';

const parse = (more: object = {}) =>
  parseStandalone(JSON.stringify({asn: 65_001, identifier: '10.0.0.1', ...more}));
const peerWith = (fields: object) => ({peers: [{address: '10.0.0.2', asn: 65_002, ...fields}]});

test('a number that is nobody’s AS is refused wherever one stands, and the field is named', t => {
  const expected = 'expected an AS number from 1 to 4294967294, not 23456 or 65535';
  for (const asn of [0, 23_456, 65_535, 4_294_967_295]) {
    const places: readonly (readonly [string, object])[] = [
      ['asn', {asn}],
      ['peer.asn', peerWith({asn})],
      ['peer.asn', {ranges: [{cidr: '10.0.0.0/24', asn}]}],
      ['peer.localAsn', peerWith({localAsn: asn})],
      ['peer.otherAsn', peerWith({otherAsn: asn})],
      ['peer.policy.localAs.asn', peerWith({policy: {localAs: {asn}}})],
    ];
    for (const [field, file] of places) {
      t.throws(() => parse(file), {message: `${field}: ${expected}, got ${asn}`});
    }
  }
  t.throws(() => parse({asn: 'ours'}), {message: `asn: ${expected}, got "ours"`});
});

test('the numbers beside those are anybody’s, and filters may name all of them', t => {
  for (const asn of [1, 23_455, 23_457, 65_534, 65_536, 4_294_967_294]) {
    const match = {asPath: '_23456_', peerAsns: [65_535]};
    const {config} = parse({asn, ...peerWith({asn, import: [{match, action: 'reject'}]})});
    t.is(config.asn, asn);
    t.deepEqual(config.peers[0]?.asns, [asn]);
  }
});
