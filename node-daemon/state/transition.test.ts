import test from 'ava';
import type {StoreEvent} from '../datastore/store-event.js';
import {networkEvent, nodeEvent, nodeKey} from '../reconcile/paper-fleet.js';
import {createState} from './state.js';
import {createChanges, transition, type StateEvent} from './transition.js';

function setUp(name = 'n0') {
  const state = createState({name, uid: `uid-${name.slice(1)}`});
  const apply = (event: StateEvent) => {
    const changes = createChanges();
    transition(state, event, changes);
    return changes;
  };
  return {state, apply, store: (...events: StoreEvent[]) => apply({kind: 'store', events})};
}

test("a peer's record dirties that peer and nothing else", t => {
  const {state, store} = setUp();
  const changes = store(nodeEvent(1));
  t.deepEqual([...changes.nodes], ['n1']);
  t.false(changes.context);
  t.true(state.nodes.has('n1'));
  t.deepEqual([...store({kind: 'delete', key: nodeKey(1)}).nodes], ['n1']);
  t.is(state.nodes.size, 0);
});

test('our own record is no peer; with another uid it says that somebody has our name', t => {
  const {state, store} = setUp('n1');
  store(nodeEvent(1));
  t.is(state.nodes.size + state.problems.size, 0);
  const event = nodeEvent(1);
  if (event.kind !== 'put' || event.record.kind !== 'Node') return t.fail();
  const metadata = {...event.record.metadata, uid: 'uid-of-another'};
  store({...event, record: {...event.record, metadata}});
  t.regex(state.problems.get(nodeKey(1))?.join() ?? '', /another host has this node's name/);
  store(event);
  t.is(state.problems.size, 0);
});

test('network and pools: what is applied is seen with its defaults, and goes back to them', t => {
  const {state, store} = setUp();
  t.is(state.network.backend, 'vxlan');
  t.true(store(networkEvent({backend: 'direct'})).context);
  t.is(state.network.backend, 'direct');
  const pool = {
    apiVersion: 'twill.io/v1',
    kind: 'Pool',
    metadata: {name: 'p'},
    spec: {cidr: '10.0.0.0/16'},
  } as const;
  store({kind: 'put', key: '/twill/v1/resources/pool/p', record: pool, createRevision: 1});
  t.like(state.pools.get('p'), {blockSize: 26, natOutgoing: true});
  store(
    {kind: 'delete', key: '/twill/v1/resources/pool/p'},
    {kind: 'delete', key: '/twill/v1/resources/network/default'},
  );
  t.is(state.pools.size, 0);
  t.is(state.network.backend, 'vxlan');
});

test('a problem leaves the last good value in place', t => {
  const {state, store} = setUp();
  store(nodeEvent(1));
  const changes = store({kind: 'problem', key: nodeKey(1), problems: ['torn']});
  t.is(changes.nodes.size, 0);
  t.true(state.nodes.has('n1'));
  store({kind: 'delete', key: nodeKey(1)});
  t.is(state.problems.size, 0);
});

test('attachments come all at once, then one by one', t => {
  const {state, apply} = setUp();
  const attachment = {
    ...{containerId: 'c', ifName: 'eth0', hostInterface: 'twl1', mac: '02:00:00:00:00:01'},
    ...{addresses: ['10.0.0.1', 'fd00::1/128'], state: 'adding' as const},
  };
  t.is(state.pods, undefined);
  t.deepEqual([...apply({kind: 'attachments', attachments: [attachment]}).pods], ['c/eth0']);
  t.false(state.pods?.get('c/eth0')?.isReady);
  apply({kind: 'attachment', attachment: {...attachment, state: 'ready'}});
  t.true(state.pods?.get('c/eth0')?.isReady);
  apply({kind: 'attachment', attachment: {...attachment, mac: 'none', state: 'ready'}});
  t.is(state.problems.size, 1);
  apply({kind: 'attachment-gone', containerId: 'c', ifName: 'eth0'});
  t.is((state.pods?.size ?? 1) + state.problems.size, 0);
});
