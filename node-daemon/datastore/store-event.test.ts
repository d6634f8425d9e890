import test from 'ava';
import {nodeEvent} from '../reconcile/paper-fleet.js';
import type {Change} from './reflector.js';
import {reflectedPrefixes, toStoreEvents} from './store-event.js';

const put = (key: string, value: unknown): Change => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return {kind: 'put', entry: {key, value: text, createRevision: 7, modRevision: 9, leaseId: '0'}};
};

const sound = () => {
  const event = nodeEvent(1);
  if (event.kind !== 'put') throw new Error('no record');
  return event.record;
};

test('a node record, a resource and a deletion become typed events; a list ends with synced', t => {
  const network = {
    apiVersion: 'twill.io/v1',
    kind: 'Network',
    metadata: {name: 'default'},
    spec: {},
  };
  const changes: Change[] = [
    {kind: 'delete', key: '/p/nodes/gone'},
    put('/p/nodes/n1', sound()),
    put('/p/resources/network/default', network),
  ];
  const events = toStoreEvents('/p', changes, true);
  t.deepEqual(
    events.map(({kind}) => kind),
    ['delete', 'put', 'put', 'synced'],
  );
  t.like(events[1], {key: '/p/nodes/n1', createRevision: 7, record: {kind: 'Node'}});
  t.is(toStoreEvents('/p', changes, false).length, 3);
});

test('both prefixes are reflected, and neither lies in the other', t => {
  t.deepEqual(reflectedPrefixes('/p'), ['/p/nodes/', '/p/resources/']);
});

const unusable: readonly (readonly [string, string, unknown])[] = [
  ['text that is no JSON', '/p/nodes/n1', '{"half":'],
  ['JSON that is no mapping', '/p/nodes/n1', '[]'],
  ['an empty value', '/p/nodes/n1', ''],
  ['another name than in the key', '/p/nodes/n2', sound()],
  ['a kind nobody knows', '/p/resources/wormhole/x', {}],
  ['a kind that is not applied', '/p/resources/node/x', {}],
  ['a key without a name', '/p/resources/pool', {}],
  [
    'a range with host bits',
    '/p/nodes/n1',
    {...sound(), spec: {address: '1.2.3.4', ranges: ['10.0.0.1/26']}},
  ],
];
for (const [title, key, value] of unusable) {
  test(`${title} is a problem of its key`, t => {
    const [event] = toStoreEvents('/p', [put(key, value)], false);
    t.is(event?.kind, 'problem');
    if (event?.kind !== 'problem') return;
    t.is(event.key, key);
    t.true(event.problems.length > 0 && event.problems.every(text => text.length > 10));
  });
}
