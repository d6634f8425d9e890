import test from 'ava';

import {decodeRefresh, encodeRefresh} from './refresh.js';
import {hex} from './vectors.js';

const MARKER = 'ffffffff ffffffff ffffffff ffffffff';

test('a request, BoRR and EoRR are written and read', t => {
  t.deepEqual(encodeRefresh('ipv4'), hex(`${MARKER} 0017 05 0001 00 01`));
  t.deepEqual(encodeRefresh('ipv6', 'begin'), hex(`${MARKER} 0017 05 0002 01 01`));
  t.deepEqual(encodeRefresh('ipv6', 'end'), hex(`${MARKER} 0017 05 0002 02 01`));
  for (const kind of ['request', 'begin', 'end'] as const) {
    t.like(decodeRefresh(encodeRefresh('ipv6', kind), 0), {family: 'ipv6', kind});
  }
});

test('an unknown subtype or family is said to be one', t => {
  t.deepEqual(decodeRefresh(hex(`${MARKER} 0017 05 0001 ff 01`), 0), {
    afi: 1,
    safi: 1,
    family: 'ipv4',
    kind: undefined,
    subtype: 255,
  });
  t.like(decodeRefresh(hex(`${MARKER} 0017 05 0001 00 80`), 0), {family: undefined, safi: 128});
});
