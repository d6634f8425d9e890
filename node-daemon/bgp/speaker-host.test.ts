import {once} from 'node:events';
import {createServer, type AddressInfo} from 'node:net';
import {setImmediate} from 'node:timers/promises';
import {MessageChannel} from 'node:worker_threads';

import test, {type ExecutionContext} from 'ava';

import {
  ACCEPT_ALL,
  compilePolicy,
  formatAddress,
  parseCidr,
  unpackSelected,
  type PolicyRule,
} from '#bgp-fsm';
import {ConfigReader, packConfig} from './config-message.js';
import {SpeakerHost, type HostMessage, type HostOptions} from './speaker-host.js';
import {parseStandalone} from './standalone-config.js';

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const {port} = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function until(isSo: () => boolean, what: () => string): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(what());
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}

interface Side {
  readonly host: SpeakerHost;
  readonly messages: HostMessage[];
  readonly kernel: Map<string, string>;
}

/** `past`: on a thread of its own, and the kernel's end is told past ours. */
type Where = HostOptions['thread'] | 'past';

function start(t: ExecutionContext, where: Where, file: object): Side {
  const messages: HostMessage[] = [];
  const kernel = new Map<string, string>();
  const {port1: routesTo, port2: kernelsEnd} = new MessageChannel();
  t.teardown(() => kernelsEnd.close());
  kernelsEnd.on('message', (message: HostMessage) => {
    if (install(message)) kernelsEnd.postMessage({kind: 'selectedTaken'});
  });
  const install = (message: HostMessage): boolean => {
    if (message.kind !== 'selected' && message.kind !== 'selectedColumns') return false;
    const routes = message.kind === 'selected' ? message.routes : unpackSelected(message.columns);
    for (const {address, bits, nextHops} of routes) {
      const prefix = `${formatAddress(address)}/${bits}`;
      kernel.set(prefix, nextHops.map(hop => formatAddress(hop.address)).join());
    }
    return true;
  };
  const host = new SpeakerHost({
    ...(where === 'past' ? {thread: 'own', routesTo} : {thread: where}),
    start: {restarted: false, preserved: [], absent: []},
    onDeath: error => t.fail(error.stack ?? ''),
    onMessage(message) {
      messages.push(message);
      if (install(message)) host.tell({kind: 'selectedTaken'});
    },
  });
  t.teardown(() => host.leave({kind: 'restart'}));
  const {config, routes} = parseStandalone(JSON.stringify(file));
  host.tell({kind: 'localRoutes', routes});
  host.configure(config);
  return {host, messages, kernel};
}

async function meet(t: ExecutionContext, where: Where, at: number) {
  const [left, right] = [`127.0.${at}.1`, `127.0.${at}.2`];
  const [leftPort, rightPort] = [await freePort(left), await freePort(right)];
  const side = (asn: number, own: string, port: number, other: object, route: string) => ({
    asn,
    identifier: own,
    listen: {port, addresses: [own]},
    peers: [{sourceAddress: own, connectRetryMs: 500, families: ['ipv4'], ...other}],
    ranges: [{cidr: '198.51.100.0/24'}],
    routes: [route],
  });
  const one = start(
    t,
    where,
    side(65001, left, leftPort, {address: right, port: rightPort}, '10.1.0.0/16'),
  );
  const two = start(
    t,
    'ours',
    // passive, so that no collision ends a session
    side(65002, right, rightPort, {address: left, port: leftPort, passive: true}, '10.2.0.0/16'),
  );
  return {one, two, right};
}

const places: Readonly<Record<Where, string>> = {
  ours: 'our thread',
  own: 'a thread of its own',
  past: 'a thread of its own that tells the kernel past ours',
};

for (const [at, where] of (Object.keys(places) as Where[]).entries()) {
  test(`a speaker on ${places[where]} meets another`, async t => {
    const {one, two, right} = await meet(t, where, 10 + at);
    const told = () => JSON.stringify([one.messages, two.messages]);
    const isUp = ({messages}: Side) => messages.some(({kind}) => kind === 'peerUp');
    await until(() => isUp(one) && isUp(two) && one.kernel.has('10.1.0.0/16'), told);

    const {peers, ranges} = await one.host.status();
    t.like(ranges, {length: 1, 0: {config: {cidr: '198.51.100.0/24'}, peers: 0, established: 0}});
    t.is(peers[0]?.state, 'Established');
    t.is(peers[0]?.config.address, right);
    const {away} = await one.host.absence();
    t.deepEqual(away, ['198.51.100.0/24@198.51.100.0/24']);
    t.true(Array.isArray(await one.host.show({table: 'selected', family: 'ipv4', limit: 10})));

    const isOfRoutes = ({kind}: HostMessage) => /^(selected|nextHopInterest)/.test(kind);
    t.is(one.messages.some(isOfRoutes), where !== 'past');

    await one.host.leave({kind: 'shutdown', words: 'bye'});
    const isDown = () => two.messages.some(({kind}) => kind === 'peerDown');
    await until(isDown, told);
    const down = two.messages.find(message => message.kind === 'peerDown');
    t.regex(down?.kind === 'peerDown' ? down.words : '', /"bye"/);
  });
}

test('a configuration survives the way to another thread, its policies by their rules', t => {
  const rules: PolicyRule[] = [
    {match: {asPath: '^65002', prefixes: [{prefix: parseCidr('10.0.0.0/8')!}]}, action: 'accept'},
    {match: {communities: [{kind: 'standard', high: 65001, low: undefined}]}, action: 'reject'},
    ACCEPT_ALL,
  ];
  const {config} = parseStandalone(
    '{"asn": 65001, "identifier": 1, "peers": [{"address": "::1"}, {"address": "::2"}]}',
  );
  const peers = config.peers.map(peer => {
    const importPolicy = compilePolicy(rules, 'import');
    return {...peer, policy: {...peer.policy, importPolicy}};
  });
  const packed = structuredClone(packConfig({...config, peers}));
  t.is(packed.policies.size, 2);

  const reader = new ConfigReader();
  const read = reader.read(packed);
  const [first, second] = read.peers.map(({policy}) => policy.importPolicy);
  t.is(first?.id, peers[0]?.policy.importPolicy.id);
  t.is(first, second);
  t.is(read.peers[0]?.address, '::1');
  t.is(
    reader.read(structuredClone(packConfig({...config, peers}))).peers[1]?.policy.importPolicy,
    first,
  );
});

test('eight batches are on their way at most, and a sweep follows the last of them', async t => {
  const kinds: string[] = [];
  const host = new SpeakerHost({
    ...{thread: 'ours', start: {restarted: false, preserved: [], absent: []}},
    onMessage: ({kind}) => kinds.push(kind),
    onDeath: error => t.fail(error.stack ?? ''),
  });
  t.teardown(() => host.leave({kind: 'restart'}));
  const numbers = Array.from({length: 20_000}, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
  const {config, routes} = parseStandalone(
    JSON.stringify({asn: 65001, identifier: 1, peers: [], routes: numbers}),
  );
  host.tell({kind: 'localRoutes', routes});
  host.configure(config);
  const batches = () => kinds.filter(kind => kind === 'selected').length;
  await until(
    () => batches() >= 8,
    () => kinds.join(),
  );
  for (let turn = 0; turn < 20; turn++) await setImmediate(); // nothing more comes
  t.is(batches(), 8);
  t.false(kinds.includes('sweep'));
  let [taken, most] = [0, 0];
  while (!kinds.includes('sweep')) {
    if (taken < batches()) {
      taken++;
      host.tell({kind: 'selectedTaken'});
    }
    await setImmediate();
    most = Math.max(most, batches() - taken);
  }
  t.is(most, 8);
  t.true(batches() >= 20, 'all were taken');
  t.true(kinds.indexOf('sweep') > kinds.lastIndexOf('selected'));
});

test('a speaker whose thread dies leaves no question without an answer', async t => {
  const deaths: Error[] = [];
  const host = new SpeakerHost({
    ...{thread: 'own', start: {restarted: false, preserved: [], absent: []}},
    onMessage: () => undefined,
    onDeath: error => deaths.push(error),
  });
  await host.status();
  host.tell({kind: 'nextHops', states: undefined as never});
  const said = () => host.status().catch((error: unknown) => error);
  const first = await said();
  t.is(deaths.length, 1);
  t.is(first, deaths[0]);
  t.is(await said(), first);
  await host.leave({kind: 'restart'});
});

for (const thread of ['ours', 'own'] as const) {
  test(`who asks a speaker that leaves, or has left, is refused; on a thread: ${thread}`, async t => {
    const {host} = start(t, thread, {asn: 64_512, identifier: '192.0.2.1'});
    const before = host.status();
    const left = host.leave({kind: 'deconfigure'});
    const refused = [host.status(), host.absence()].map(each => t.throwsAsync(each));
    t.deepEqual((await before).peers, []);
    await left;
    await Promise.all(refused);
    await t.throwsAsync(host.status());
  });
}
