import test from 'ava';

import {parseCidr} from '../wire/address.js';
import {packSelected, unpackSelected} from './selected.js';
import type {SelectedRoute} from './types.js';

test('selected routes survive a change of threads in columns, with their sets of next hops shared', t => {
  const hops = [{address: Uint8Array.of(10, 0, 0, 1), ifindex: 0, weight: 1}];
  const routes = ['10.0.0.0/8', 'fd00::/32', '10.9.0.0/16'].map((text, at): SelectedRoute => {
    const prefix = parseCidr(text) ?? {address: Uint8Array.of(), bits: 0};
    const family = prefix.address.length === 4 ? 'ipv4' : 'ipv6';
    return {family, ...prefix, nextHops: at === 2 ? [] : hops, attributes: undefined};
  });
  const read = unpackSelected(structuredClone(packSelected(routes)));
  t.deepEqual(read, routes);
  t.is(read[0]?.nextHops, read[1]?.nextHops);
});
