/**
 * Our requests about links beside those of ip, octet by octet. Order of attributes, the flag of nested
 * ones (iproute2 leaves it out here) and the zero behind a text (iproute2 leaves some out) do not count.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';

import test from 'ava';

import {
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINKINFO,
  NLA_F_NESTED,
  VETH_INFO_PEER,
} from './constants.js';
import {Cursor} from './cursor.js';
import {deleteLink, deleteLinkGroup, IFINFOMSG_BYTES, setLink} from './link.js';
import type {Request} from './message.js';
import {newVeth} from './veth.js';
import {newVxlan} from './vxlan.js';

const TESTDATA = join(import.meta.dirname, '../../../native-addon/testdata');
const octets = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/[ :]/g, ''), 'hex'));

const requests: Readonly<Record<string, Request>> = {
  'link-veth': newVeth({
    ...{name: 'twl0', index: 10, mtu: 1400, mac: octets('ee:ee:ee:ee:ee:ee')},
    peer: {name: 'eth0', index: 11, mtu: 1400, mac: octets('02:00:00:00:00:01')},
  }),
  'link-veth-netns': newVeth({
    ...{name: 'twl1', index: 21, group: 78},
    peer: {name: 'eth1', index: 22, netns: {fd: 4}}, // the descriptor iproute2 had
  }),
  'link-vxlan': newVxlan({
    ...{name: 'twill.4096', mtu: 1450, mac: octets('02:11:22:33:44:55')},
    vxlan: {
      vni: 4096,
      port: 4789,
      local: Uint8Array.of(192, 0, 2, 1),
      underlay: 1,
      learning: false,
    },
  }),
  'link-up': setLink({index: 2, up: true}),
  'link-delete': deleteLink({index: 10}),
  'link-delete-group': deleteLinkGroup(78),
};

for (const [name, {payload}] of Object.entries(requests)) {
  test(`${name}: our octets are those of ip`, t => {
    const lines = readFileSync(join(TESTDATA, `${name}.txt`), 'utf8').split('\n');
    t.regex(lines[1] ?? '', /^request RTM_/);
    t.deepEqual(tree(payload), tree(octets(lines[2] ?? '')), lines[0]);
  });
}

test('the comparison sees one octet of difference at any depth', t => {
  const {payload} = requests['link-veth-netns'] as Request;
  for (const at of [4, payload.length - 4, payload.length - 20]) {
    const other = payload.slice();
    other[at] = (other[at] ?? 0) ^ 1;
    t.notDeepEqual(tree(other), tree(payload), `octet ${at}`);
  }
});

type Tree = readonly (string | readonly [number, Tree])[];

const texts = new Set([IFLA_IFNAME, IFLA_IFALIAS]);

/** The header, then the attributes by type; what is nested as a tree of its own. */
function tree(payload: Uint8Array): Tree {
  const cursor = new Cursor(payload, IFINFOMSG_BYTES, 'link');
  return [hex(payload.subarray(0, IFINFOMSG_BYTES)), ...attributes(cursor, 'link')];
}

function attributes(cursor: Cursor, inside: 'link' | 'info' | 'data'): Tree {
  const found: [number, Tree][] = [];
  while (cursor.next()) {
    const type = cursor.type & ~NLA_F_NESTED;
    found.push([type, valueOf(cursor, type, inside)]);
  }
  return found.sort(([a], [b]) => a - b);
}

function valueOf(cursor: Cursor, type: number, inside: 'link' | 'info' | 'data'): Tree {
  if (inside === 'link' && type === IFLA_LINKINFO) return attributes(cursor.nested('info'), 'info');
  if (inside === 'info' && type === IFLA_INFO_DATA)
    return attributes(cursor.nested('data'), 'data');
  const bytes = cursor.bytes();
  if (inside === 'data' && type === VETH_INFO_PEER && bytes.length > IFINFOMSG_BYTES) {
    return [
      hex(bytes.subarray(0, IFINFOMSG_BYTES)),
      ...attributes(cursor.nested('peer', IFINFOMSG_BYTES), 'link'),
    ];
  }
  const isText =
    (inside === 'link' && texts.has(type)) || (inside === 'info' && type === IFLA_INFO_KIND);
  return [isText ? Buffer.from(bytes).toString().replace(/\0$/, '') : hex(bytes)];
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
