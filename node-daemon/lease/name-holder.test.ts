import test from 'ava';
import {parseAddress} from '#ipam';
import type {Machine} from '../datastore/records/node.js';
import {createState, type Underlay} from '../state/state.js';
import {describeStranger, type Claimant} from './name-holder.js';
import {renderOwnRecord} from './own-record.js';

interface Host {
  readonly uid: string;
  readonly address: string;
  readonly machine: Machine;
}

const here: Host = {uid: 'u1', address: '192.0.2.1', machine: {id: 'id1', product: 'p1'}};
const elsewhere: Host = {uid: 'u2', address: '192.0.2.2', machine: {id: 'id2', product: 'p2'}};

/** What is said of the record that `them` has written. */
function judge(them: Partial<Host>, us: Partial<Host> = {}): string | undefined {
  return describeStranger(recordOf({...elsewhere, ...them}), claimantOf({...here, ...us}));
}

function claimantOf({uid, address, machine}: Host): Claimant {
  const {self} = createState({name: 'a', uid});
  return {key: '/twill/v1/nodes/a', self, machine, underlay: underlayOf(address)};
}

function recordOf({uid, address, machine}: Host): string {
  const {self} = createState({name: 'a', uid});
  const own = {self, machine, underlay: underlayOf(address)};
  return renderOwnRecord({...own, labels: {}, createdAt: '2026-01-01T00:00:00Z', ranges: []});
}

function underlayOf(text: string): Underlay {
  const address = parseAddress(text)!;
  const family = address.length === 4 ? 'ipv4' : 'ipv6';
  return {ifindex: 2, name: 'eth0', mtu: 1500, addresses: {[family]: {address, bits: 24}}};
}

test('another machine is told of by its address, with the name and the key that sets it', t => {
  const told = judge({}) ?? '';
  for (const part of ['node name a ', '192.0.2.2', 'u2', 'node.name', '/twill/v1/nodes/a']) {
    t.true(told.includes(part), part);
  }
});

const ours: Readonly<Record<string, readonly [Partial<Host>, Partial<Host>?]>> = {
  'its own record': [here],
  'after a change of address': [{...here, address: '192.0.2.9'}],
  'with a lost state directory and another address': [{machine: here.machine}],
  'with a new system on the same hardware': [{machine: {id: 'id9', product: 'p1'}}],
  'with everything lost but its address': [{address: here.address}],
  'with everything lost but its IPv6 address': [{address: '2001:db8::1'}, {address: '2001:db8::1'}],
  'without DMI, with a lost state directory': [{machine: {id: 'id1'}}, {machine: {id: 'id1'}}],
  'without DMI, with a new machine-id': [{uid: 'u1', machine: {id: 'id9'}}, {machine: {id: 'id1'}}],
  'that tells nothing of its hardware': [{uid: 'u1', machine: {}}, {machine: {}}],
  'a disk moved to another machine, with its address': [{...here, machine: {product: 'p9'}}],
};
for (const [title, [them, us]] of Object.entries(ours)) {
  test(`a host has its name again: ${title}`, t => t.is(judge(them, us), undefined));
}

const theirs: Readonly<Record<string, readonly [Partial<Host>, Partial<Host>?]>> = {
  'a copy of our disk on other hardware': [{uid: 'u1', machine: {id: 'id1', product: 'p2'}}],
  'no DMI, another machine-id': [{machine: {id: 'id2'}}, {machine: {id: 'id1'}}],
  'nothing known but two state directories': [{machine: {}}, {machine: {}}],
  'one tells this and the other that': [{machine: {product: 'p2'}}, {machine: {id: 'id1'}}],
};
for (const [title, [them, us]] of Object.entries(theirs)) {
  test(`another machine has the name: ${title}`, t => t.not(judge(them, us), undefined));
}

test('a record of a version that told no machine is replaced, and so is none at all', t => {
  const {spec, ...rest} = JSON.parse(recordOf(elsewhere)) as {spec: {machine?: Machine}};
  const {machine, ...old} = spec;
  t.truthy(machine);
  t.is(describeStranger(JSON.stringify({...rest, spec: old}), claimantOf(here)), undefined);
  for (const text of ['', '{', 'null', '{"kind":"Node"}']) {
    t.is(describeStranger(text, claimantOf(here)), undefined, text);
  }
});

test('before the underlay is known a stranger is not mistaken for this host', t => {
  const own = {...claimantOf(here), underlay: undefined};
  t.truthy(describeStranger(recordOf(elsewhere), own));
  t.is(describeStranger(recordOf(here), own), undefined);
});
