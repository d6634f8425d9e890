import test from 'ava';
import type {Attachment, AttachmentState} from '#ipam';
import type {Link} from '#native-addon';
import {hostInterfaceName, derivedMac, isHostInterface} from './names.js';
import {planRecovery} from './recovery.js';

function attachment(
  containerId: string,
  state: AttachmentState,
  hostInterface?: string,
): Attachment {
  return {
    containerId,
    ifName: 'eth0',
    network: 'n',
    addresses: ['10.0.0.1'],
    hostInterface: hostInterface ?? hostInterfaceName(containerId, 'eth0'),
    mac: '02:00:00:00:00:01',
    netns: '4:1',
    createdAt: '2026-01-01T00:00:00Z',
    state,
  };
}

function link(name: string, fields: Partial<Link> = {}): Link {
  return {
    index: 9,
    name,
    kind: 'veth',
    mtu: 1450,
    up: true,
    running: true,
    flags: 1,
    group: 0,
    ...fields,
  };
}

/** Every state against every condition of its link. */
const TABLE: readonly (readonly [AttachmentState, 'none' | 'half' | 'whole', string])[] = [
  ['adding', 'none', 'undo'],
  ['adding', 'half', 'undo'],
  ['adding', 'whole', 'confirm'],
  ['ready', 'none', 'broken'],
  ['ready', 'half', 'keep'],
  ['ready', 'whole', 'keep'],
  ['deleting', 'none', 'finish'],
  ['deleting', 'half', 'finish'],
  ['deleting', 'whole', 'finish'],
];

for (const [state, condition, expected] of TABLE) {
  test(`${state} with ${condition === 'none' ? 'no' : `a ${condition}`} link: ${expected}`, t => {
    const name = hostInterfaceName('c', 'eth0');
    const links = condition === 'none' ? [] : [link(name, {running: condition === 'whole'})];
    const plan = planRecovery([attachment('c', state)], links);
    for (const [kind, found] of Object.entries(plan)) {
      t.is(found.length, kind === expected ? 1 : 0, kind);
    }
  });
}

test('an attachment without a link of its own is whole once it is in the journal', t => {
  const plan = planRecovery([attachment('a', 'adding', ''), attachment('b', 'ready', '')], []);
  t.is(plan.confirm.length, 1);
  t.is(plan.keep.length, 1);
});

test('only veths under derived names are leaks, and only those whose pod has no carrier', t => {
  const own = hostInterfaceName('c', 'eth0');
  const links = [
    link(own),
    link('twl0123456789a', {running: false}),
    link('twl0123456789c'),
    link('twl0123456789b', {kind: 'bridge'}),
    link('twl0'),
    link('twlxyzxyzxyzxy'),
    link('eth0'),
  ];
  const {leaks, strangers} = planRecovery([attachment('c', 'ready')], links);
  t.deepEqual(leaks, ['twl0123456789a']);
  t.deepEqual(strangers, ['twl0123456789c']);
});

test('names and MACs follow from container and interface alone', t => {
  t.is(hostInterfaceName('c', 'eth0'), hostInterfaceName('c', 'eth0'));
  t.not(hostInterfaceName('c', 'eth0'), hostInterfaceName('c', 'eth1'));
  t.not(hostInterfaceName('ce', 'th0'), hostInterfaceName('c', 'eth0'));
  t.true(isHostInterface(hostInterfaceName('c', 'eth0')));
  t.is(hostInterfaceName('c', 'eth0').length, 14);
  t.regex(derivedMac('c', 'eth0'), /^02(:[0-9a-f]{2}){5}$/);
});
