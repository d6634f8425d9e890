import test from 'ava';
import fc from 'fast-check';

import {encodeAttributes} from './attribute-encode.js';
import {decodeAttributes, type PathAttributes} from './attributes.js';
import {PlainBlock} from './plain-block.js';
import {anyAttributes} from './random-attributes.js';
import type {WireSession} from './session.js';

const families = {ipv4: undefined, ipv6: undefined};
const sessions: readonly WireSession[] = [
  {peer: 'external', as4: true, families},
  {peer: 'internal', as4: true, families, localAddress: Uint8Array.of(10, 0, 0, 1)},
  {peer: 'external', as4: false, families},
];

const isPlain = (bytes: Uint8Array, session: WireSession) =>
  new PlainBlock().read(bytes, 0, bytes.length, session);

/** What the name promises: nothing is wrong with it, and it would be written just so. */
function holds(bytes: Uint8Array, session: WireSession): boolean {
  const {attributes, faults} = decodeAttributes(bytes, 0, bytes.length, session);
  const again = encodeAttributes(attributes);
  return faults.length === 0 && Buffer.compare(again, bytes) === 0;
}

test('what is plain is without fault and would be written just so; most of what routers send is', t => {
  let plain = 0;
  let other = 0;
  fc.assert(
    fc.property(anyAttributes, fc.constantFrom(...sessions), (attributes, session) => {
      const bytes = encodeAttributes(attributes, session.as4 ? 4 : 2);
      if (!isPlain(bytes, session)) return void other++;
      plain++;
      t.true(holds(bytes, session));
    }),
    {numRuns: 3000},
  );
  t.true(plain > 300 && other > 300, `${plain} plain, ${other} not`);
  const usual: PathAttributes = {
    ...{origin: 0, asPath: [{kind: 'sequence', asns: [65001, 64512]}], nextHop: 0x0a000002},
    communities: [0xfde80001],
  };
  t.true(isPlain(encodeAttributes(usual), sessions[0] as WireSession));
});

test('an octet that is changed makes it something else, or it is still just so', t => {
  let plain = 0;
  const change = fc.record({at: fc.nat(200), value: fc.nat(255), cut: fc.nat(4)});
  fc.assert(
    fc.property(
      anyAttributes,
      fc.constantFrom(...sessions),
      change,
      (attributes, session, {at, value, cut}) => {
        const bytes = encodeAttributes(attributes);
        if (bytes.length === 0) return;
        bytes[at % bytes.length] = value;
        const part = bytes.subarray(0, Math.max(0, bytes.length - (cut === 4 ? 1 : 0)));
        if (!isPlain(part, session)) return;
        plain++;
        t.true(holds(part, session), Buffer.from(part).toString('hex'));
      },
    ),
    {numRuns: 5000},
  );
  t.true(plain > 200, `${plain} plain`);
});
