import test from 'ava';
import fc from 'fast-check';

import {contains, formatAddress, type Cidr} from '../wire/address.js';
import {feed, octets, options, pathBy, plain, sessionOf, updateOf} from './paper-rib.js';
import {Rib} from './rib.js';
import type {ShowQuery, ShownPath} from './types.js';

const cidrOf = ({address, bits}: Cidr) => `${formatAddress(address)}/${bits}`;
const inOrder = (a: Cidr, b: Cidr) => Buffer.compare(a.address, b.address) || a.bits - b.bits;

const bits4 = fc.constantFrom(0, 1, 8, 15, 16, 17, 24, 31, 32);
const ipv4 = fc
  .tuple(fc.constantFrom(10, 11, 128, 200), fc.nat(3), fc.nat(255), bits4)
  .map(([a, b, c, bits]) => masked(Uint8Array.of(a, b, c, 0), bits));
const ipv6 = fc
  .tuple(fc.nat(3), fc.nat(3), fc.constantFrom(16, 32, 33, 64, 100, 128))
  .map(([a, b, bits]) => {
    const address = new Uint8Array(16);
    address.set([0xfd, a, 0, b, 0x80, 0, 0, 1]);
    return masked(address, bits);
  });

function masked(address: Uint8Array, bits: number): Cidr {
  const kept = address.map(
    (octet, at) => octet & (0xff00 >> Math.max(0, Math.min(8, bits - at * 8))),
  );
  return {address: kept, bits};
}

test('page by page comes all that is asked for, in order, each once', t => {
  const families = fc.constantFrom(['ipv4', ipv4] as const, ['ipv6', ipv6] as const);
  const table = families.chain(([family, cidr]) =>
    fc.record({
      family: fc.constant(family),
      cidrs: fc.uniqueArray(cidr, {minLength: 1, maxLength: 700, selector: cidrOf}),
      only: fc.option(fc.record({place: cidr, how: fc.constantFrom('inside', 'around')}), {
        nil: undefined,
      }),
      limit: fc.constantFrom(1, 7, 300),
    }),
  );
  fc.assert(
    fc.property(table, ({family, cidrs, only, limit}) => {
      const rib = new Rib(options);
      const session = sessionOf({asn: 65001, identifier: 1});
      const peer = rib.addPeer(octets('192.0.2.9'), plain);
      rib.sessionUp(peer, session);
      const attributes = pathBy([65001]);
      feed(rib, peer, updateOf({cidrs: cidrs.map(cidrOf), attributes}, session));
      const asked = only && {...only.place, how: only.how as 'inside' | 'around'};
      const seen: ShownPath[] = [];
      let page: readonly ShownPath[] = [];
      for (;;) {
        const after = page.at(-1);
        const query: ShowQuery = {table: 'received', family, limit, after, only: asked};
        page = rib.show(query);
        if (page.length === 0) break;
        seen.push(...page);
      }
      const covers = (outer: Cidr, inner: Cidr) =>
        outer.bits <= inner.bits && contains(outer, inner.address);
      const wanted = cidrs.filter(
        each =>
          asked === undefined ||
          (asked.how === 'inside' ? covers(asked, each) : covers(each, asked)),
      );
      t.deepEqual(seen.map(cidrOf), [...wanted].sort(inOrder).map(cidrOf));
    }),
    {numRuns: 150},
  );
});
