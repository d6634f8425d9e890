import test from 'ava';
import {
  deleteAddress,
  newAddress,
  newVeth,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  setLink,
  type Message,
} from '#native-addon';
import type {Underlay} from '../state/state.js';
import {mayMoveUnderlay} from './underlay-news.js';

const chosen: Underlay = {ifindex: 2, name: 'eth0', mtu: 1500, addresses: {}};
const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** The kernel's news have the shape of the requests. */
function news(type: number, {payload}: {payload: Uint8Array}): Message {
  return {type, payload, flags: 0};
}

const link = (index: number, change: {up?: boolean; mtu?: number; name?: string}) =>
  news(RTM_NEWLINK, setLink({name: 'eth0', mtu: 1500, up: true, ...change, index}));

const address = (type: number, octets: readonly number[], scope: number) => {
  const fields = {index: 9, address: Uint8Array.from(octets), bits: 24, flags: 0, scope};
  const request = type === RTM_NEWADDR ? newAddress : deleteAddress;
  return news(type, request({...fields, family: octets.length === 4 ? 'ipv4' : 'ipv6'}));
};

test('the chosen interface: another MTU, going down and going away are news', t => {
  t.false(mayMoveUnderlay(link(2, {}), chosen), 'as it was');
  t.true(mayMoveUnderlay(link(2, {mtu: 1400}), chosen));
  t.true(mayMoveUnderlay(link(2, {up: false}), chosen));
  t.true(mayMoveUnderlay(news(RTM_DELLINK, setLink({index: 2, up: true, mtu: 1500})), chosen));
});

test('other interfaces are not, and nobody reads them to the end', t => {
  t.false(mayMoveUnderlay(link(3, {mtu: 9000}), chosen));
  const pod = newVeth({name: 'twl0', index: 7, mac, peer: {name: 'eth0', index: 8}});
  const cut = {payload: pod.payload.subarray(0, pod.payload.length - 3)};
  t.false(mayMoveUnderlay(news(RTM_NEWLINK, cut), chosen));
  t.throws(() => mayMoveUnderlay(news(RTM_NEWLINK, {payload: ofIndex2(cut.payload)}), chosen));
});

test('while none is chosen, one that is up may be it, unless it is ours', t => {
  t.true(mayMoveUnderlay(link(3, {}), undefined));
  t.false(mayMoveUnderlay(link(3, {up: false}), undefined));
  t.false(mayMoveUnderlay(link(3, {name: 'twl0123456789a'}), undefined));
  t.false(mayMoveUnderlay(link(3, {name: 'twill.4096'}), undefined));
  t.true(mayMoveUnderlay(link(3, {name: 'twitter0'}), undefined));
  t.false(mayMoveUnderlay(news(RTM_DELLINK, setLink({index: 3, up: true})), undefined));
});

test('global addresses that come or go are news on any interface, link-local ones on none', t => {
  const linkScope = 253;
  const local = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  for (const type of [RTM_NEWADDR, RTM_DELADDR]) {
    for (const now of [chosen, undefined]) {
      t.true(mayMoveUnderlay(address(type, [192, 0, 2, 7], 0), now));
      t.false(mayMoveUnderlay(address(type, [169, 254, 1, 1], linkScope), now));
      t.false(mayMoveUnderlay(address(type, local, linkScope), now));
    }
  }
});

/** ifi_index in the host's byte order; this host's, as the addon's own tests do. */
function ofIndex2(payload: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(payload);
  new Uint32Array(copy.buffer, 4, 1)[0] = 2;
  return copy;
}
