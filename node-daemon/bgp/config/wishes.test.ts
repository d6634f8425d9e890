import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {ManualClock, systemClock, type Clock} from '../../datastore/clock.js';
import type {State} from '../../state/state.js';
import {findEtcdAddresses} from './etcd-addresses.js';
import type {BgpWish} from './input.js';
import {host, paperInput, type Paper} from './paper-cluster.js';
import {BgpWishes} from './wishes.js';

const b = {name: 'b', address: '192.0.2.2', ranges: ['10.244.2.0/26']};

function stateOf(paper: Paper, synced = true): State {
  return {...(paperInput(paper).state as State), synced};
}

function create(t: ExecutionContext, first: State, clock: Clock) {
  let state = first;
  const wishes: BgpWish[] = [];
  let heard: () => void = () => undefined;
  const keeper = new BgpWishes({
    ...{
      labels: {},
      secretsDir: '/etc/twill/secrets',
      etcdEndpoints: ['http://203.0.113.5:2379'],
      clock,
      state: () => state,
    },
    sessions: () => Promise.resolve([]),
    onWish(wish) {
      wishes.push(wish);
      heard();
    },
    onError: error => t.fail(String(error)),
  });
  t.teardown(() => keeper.close());
  const become = (next: State) => {
    state = next;
    keeper.renew();
  };
  const nextWish = () => new Promise<void>(resolve => (heard = resolve));
  return {keeper, wishes, become, nextWish};
}

test('nothing is wished before etcd is known, then once for each thing that differs', async t => {
  const clock = new ManualClock();
  const {keeper, wishes, become} = create(t, stateOf({nodes: [b]}, false), clock);
  await keeper.start();
  await clock.advance(1000);
  t.is(wishes.length, 0);

  become(stateOf({nodes: [b]}));
  await clock.advance(1000);
  t.is(wishes.length, 1);
  t.is(wishes[0]?.config?.peers.length, 1);

  become(stateOf({nodes: [b]}));
  await clock.advance(1000);
  t.is(wishes.length, 1, 'equal records are no news');

  for (let i = 0; i < 50; i++)
    become(stateOf({nodes: [b, {...b, name: `c${i}`, address: `192.0.2.${i + 10}`}]}));
  await clock.advance(1000);
  t.is(wishes.length, 2, 'a storm is one wish');
  t.is(wishes[1]?.config?.peers.length, 2);

  const lost: State = {...stateOf({}), underlay: undefined};
  become(lost);
  await clock.advance(1000);
  t.is(wishes.length, 2, 'an underlay that is gone for a moment takes nothing back');
});

test('until etcd is known, what held before holds, with the ranges that are still ours', async t => {
  const clock = new ManualClock();
  const known = create(t, stateOf({nodes: [b], ranges: ['10.244.1.0/26', '10.244.9.0/26']}), clock);
  await known.keeper.start();
  await clock.advance(1000);
  const [before] = known.wishes;
  const {config, routes} = before!;
  t.is(routes?.length, 2);

  const unknown = stateOf({ranges: ['10.244.1.0/26']}, false);
  const {keeper, wishes, become} = create(t, {...unknown, ranges: undefined}, clock);
  keeper.recall({...before!, config: config!, routes: routes!});
  await keeper.start();
  await clock.advance(1000);
  t.is(wishes.length, 0, 'not before the lease is known');
  become(unknown);
  await clock.advance(1000);
  t.is(wishes[0]?.config, config);
  t.deepEqual(wishes[0]?.routes, routes?.slice(0, 1));

  become(stateOf({nodes: [b], ranges: ['10.244.1.0/26']}));
  await clock.advance(1000);
  t.is(wishes.at(-1)?.isRecalled, undefined);
});

test('sessions that were kept are kept by the next daemon too, whether etcd is there or not', async t => {
  const clock = new ManualClock();
  const meshed = stateOf({nodes: [b]});
  const cutOff = stateOf({nodes: [b], config: {nodeMesh: false}});
  const first = create(t, meshed, clock);
  await first.keeper.start();
  await clock.advance(1000);
  first.become(cutOff);
  await clock.advance(1000);
  const before = first.wishes.at(-1)!;
  t.deepEqual(before.kept, ['b']);

  const again = async (state: State, last: BgpWish | undefined) => {
    const {keeper, wishes, become} = create(t, state, clock);
    keeper.recall(last && {...last, config: last.config!, routes: last.routes!});
    await keeper.start();
    await clock.advance(1000);
    become(cutOff);
    await clock.advance(1000);
    return wishes.at(-1);
  };
  for (const state of [cutOff, {...cutOff, synced: false}]) {
    const wish = await again(state, before);
    t.deepEqual(wish?.config, before.config);
    t.deepEqual(wish?.kept, ['b']);
    t.deepEqual(wish?.problems, before.problems);
  }
  const control = await again(cutOff, undefined);
  t.is(control?.config, undefined);
  t.regex(control?.problems[0]?.message ?? '', /it has no way to other nodes/);
});

test('a BGPConfig that is not understood is not taken for none', async t => {
  const clock = new ManualClock();
  const paper = {nodes: [b], ranges: ['10.244.1.0/26'], config: {asn: 64_600}};
  const known = create(t, stateOf(paper), clock);
  await known.keeper.start();
  await clock.advance(1000);
  const [before] = known.wishes;
  t.is(before?.config?.asn, 64_600);

  const refused = {
    ...stateOf({nodes: [b], ranges: ['10.244.1.0/26']}),
    problems: new Map([['/twill/v1/resources/bgpconfig/default', ['spec.asn: …']]]),
  };
  const {keeper, wishes, become} = create(t, refused, clock);
  keeper.recall({...before!, config: before!.config!, routes: before!.routes!});
  await keeper.start();
  await clock.advance(1000);
  t.is(wishes.at(-1)?.config?.asn, 64_600);
  t.true(wishes.at(-1)?.isRecalled);
  become(stateOf({...paper, config: {asn: 64_700}}));
  await clock.advance(1000);
  t.is(wishes.at(-1)?.config?.asn, 64_700);
});

test('a neighbour that is heard is news', async t => {
  const clock = new ManualClock();
  const peers = {up: {interface: 'eth1', asn: 'external'}};
  const {keeper, wishes} = create(t, stateOf({peers}), clock);
  await keeper.start();
  await clock.advance(1000);
  t.deepEqual(wishes[0]?.links, ['eth1']);
  keeper.setLinkNeighbours(new Map([['eth1', 'fe80::7']]));
  await clock.advance(1000);
  t.is(wishes[1]?.config?.peers[0]?.address, 'fe80::7');
  keeper.close();
  keeper.setLinkNeighbours(new Map());
  await clock.advance(1000);
  t.is(wishes.length, 2);
  t.is(clock.pending, 0);
});

test('a password that is written later brings the session', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-wishes-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  const file = join(folder, 'key');
  const alive = setInterval(() => undefined, 1000); // nothing else here keeps a process
  t.teardown(() => clearInterval(alive));
  const paper = {peers: {tor: {passwordFrom: {file}}}};
  const {keeper, wishes, nextWish} = create(t, stateOf(paper), systemClock);
  const first = nextWish();
  await keeper.start();
  await first;
  t.deepEqual(wishes.at(-1)?.config?.peers, []);
  for (const password of ['one', 'two']) {
    await writeFile(`${file}`, password);
    while (wishes.at(-1)?.config?.peers[0]?.password !== password) await nextWish();
    t.pass();
  }
});

test('a session is wished all the time while its password moves to another file', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'twill-wishes-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(alive));
  const paper = (name: string) => ({peers: {tor: {passwordFrom: {file: join(folder, name)}}}});
  for (const name of ['one', 'two']) await writeFile(join(folder, name), name);
  const {keeper, wishes, become, nextWish} = create(t, stateOf(paper('one')), systemClock);
  const first = nextWish();
  await keeper.start();
  await first;
  const second = nextWish();
  become(stateOf(paper('two')));
  await second;
  t.deepEqual(
    wishes.map(({config}) => config?.peers.map(({password}) => password)),
    [['one'], ['two']],
  );
});

test('etcd is found behind addresses and names', async t => {
  const found = await findEtcdAddresses([
    'https://203.0.113.5:2379',
    'http://[2001:db8::5]:2379',
    '203.0.113.5:2379',
    'http://localhost:2379',
    '',
  ]);
  const texts = found.map(String);
  t.true(texts.includes(String(host('203.0.113.5'))));
  t.true(texts.includes(String(host('2001:db8::5'))));
  t.true(texts.includes(String(host('127.0.0.1'))) || texts.includes(String(host('::1'))));
});
