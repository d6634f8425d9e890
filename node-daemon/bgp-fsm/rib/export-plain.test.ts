import test from 'ava';
import fc from 'fast-check';

import {encodeAttributes} from '../wire/attribute-encode.js';
import {decodeAttributes} from '../wire/attributes.js';
import {EMPTY, Writer} from '../wire/bytes.js';
import {PlainBlock, rewritePlain} from '../wire/plain-block.js';
import {anyAttributes} from '../wire/random-attributes.js';
import {exportPath, exportPlain, leadOf, type Source, type Target} from './export.js';
import {options, plain, sessionOf} from './paper-rib.js';
import type {PeerPolicy} from './types.js';

const sources: readonly Source[] = [
  {kind: 'local', isClient: false, identifier: 0},
  {kind: 'external', isClient: false, identifier: 7},
  {kind: 'internal', isClient: true, identifier: 8},
];
const policies: readonly PeerPolicy[] = [
  plain,
  {
    ...plain,
    localAs: {asn: 64_999, prependReal: true, prependReceived: false},
    defaultLocalPref: 150,
  },
  {...plain, nextHop: 'unchanged'},
  {...plain, nextHop: 'self-force', reflectorClient: true},
  {...plain, removePrivateAs: true},
  {...plain, asOverride: true, role: 'provider'},
  {...plain, gracefulShutdown: true, linkBandwidth: 1e6},
];
const targets: readonly Target[] = policies.flatMap(policy => [
  {options, policy, session: sessionOf({asn: 65_001, identifier: 2})},
  {options, policy, session: sessionOf({asn: options.asn, identifier: 3})},
  {options, policy, session: sessionOf({asn: 65_001, identifier: 2, change: {as4: false}})},
]);
const hops = [EMPTY, Uint8Array.of(10, 0, 0, 9), new Uint8Array(16).fill(0x20)];

test('octets copied are the octets that decoding, changing and encoding make', t => {
  let short = 0;
  let long = 0;
  const wire = {as4: true, families: {ipv4: undefined, ipv6: undefined}};
  fc.assert(
    fc.property(
      anyAttributes,
      fc.constantFrom(...sources),
      fc.constantFrom(...targets),
      fc.constantFrom(...hops),
      fc.constantFrom('ipv4' as const, 'ipv6' as const),
      (attributes, source, target, nextHop, family) => {
        const from = {...wire, peer: source.kind === 'external' ? 'external' : 'internal'} as const;
        const bytes = encodeAttributes(attributes);
        const block = new PlainBlock();
        if (!block.read(bytes, 0, bytes.length, from)) return;
        const by = exportPlain(family, source, block, nextHop, {
          target,
          lead: leadOf(0, target),
        });
        const out = new Writer();
        if (by === undefined || !rewritePlain(out, block, by.rewrite)) return void long++;
        short++;

        const before = decodeAttributes(bytes, 0, bytes.length, from).attributes;
        const outcome = {attributes: before, nextHopSelf: false, prependCount: 0, setsMed: false};
        const slow = exportPath(
          family,
          source,
          {before, outcome, nextHop, namesPeer: false},
          target,
        );
        t.deepEqual(
          Buffer.from(out.take()).toString('hex'),
          Buffer.from(encodeAttributes(slow?.attributes ?? {})).toString('hex'),
        );
        t.deepEqual(by.nextHop, slow?.nextHop);
      },
    ),
    {numRuns: 10_000},
  );
  t.true(short > 500 && long > 200, `${short} copied, ${long} the long way`);
});
