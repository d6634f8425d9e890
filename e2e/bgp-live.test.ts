/*
 *    host a (VXLAN, AS 64512)              host b (VXLAN, AS 64512)
 *   +-----------------------+             +-----------------------+
 *   | p1                    |==== VXLAN ==| p2                    |
 *   +-----------------------+             +-----------------------+
 *     | border4: over IPv4                   | border-b: over IPv4
 *     | border6: over IPv6                   |
 *   +-------------------------------------------------------------+
 *   | machine border: BIRD, AS 65100, 172.16.0.0/16 behind it     |
 *   +-------------------------------------------------------------+
 *
 * Claim: an overlay between nodes and BGP to the fabric at once; every option of a BGPPeer is changed while
 * it speaks: what can be, without a reset; what cannot, with one of that session; the session beside it
 * never notices.
 */
import {joinMachines, Machine, openMachine} from './bgp/lab.js';
import {Bird} from './bgp/lab/bird.js';
import type {RouterPeer} from './bgp/lab/router.js';
import {addPod, resources} from './cluster.js';
import {askDaemon} from './lab/api.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {labTest} from './privileged.js';
import {createLab, type Scope} from './lab.js';

const ends = {
  border4: {host: '198.51.100.1', border: '198.51.100.2'},
  border6: {host: '2001:db8:100::1', border: '2001:db8:100::2'},
  'border-b': {host: '198.51.100.5', border: '198.51.100.6'},
} as const;
type Name = keyof typeof ends;
const outside = '172.16.0.0/16';

labTest(
  'vxlan between nodes and bgp to the fabric; each option of a session changes as it speaks',
  async t => {
    const {lab, a, bird, border, configure} = await createBorder(t);
    const b = lab.host('b');
    const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
    await p2.listen();
    for (const {ok, error} of await p1.echo(p2.addresses)) t.true(ok, error);
    t.is((await a.json('ip link show type vxlan')).length, 1);
    for (const pod of [p1, p2]) {
      await eventually(async () => (await border.ip(`route get ${pod.ipv4}`)).includes('via'), {
        ...{withinMs: 20_000, everyMs: 100, what: `${pod.name} at the border`},
      });
      await border.run(['ping', '-c', '1', '-W', '2', pod.ipv4]);
    }
    const [before] = await peersOf(a, 'border6');
    const [{flaps: first = 0} = {}] = await peersOf(a, 'border4'); // connections may have collided
    const flaps = async (name: Name) => (await peersOf(a, name))[0]?.flaps;

    await configure({
      export: "[{match: {source: local}, set: {addCommunities: ['65100:7']}, action: accept}]",
    });
    await shows(bird, 'p0', /BGP\.community: \(65100,7\)/);
    t.notRegex(await bird.ask('show route all protocol p1'), /65100,7/);

    t.is(await a.ip(`route show ${outside}`), '', 'outside the pools');
    const accepts = `[{match: {prefixes: [{cidr: ${outside}}]}, action: accept}]`;
    await configure({import: accepts});
    await inKernel(a, true);
    await p1.run(['ping', '-c', '1', '-W', '2', '172.16.0.1']);
    await lab.apply(installRoutes(false));
    await inKernel(a, false);
    await lab.apply(installRoutes(true));
    await inKernel(a, true);
    await configure({import: accepts.replace('accept', 'reject')});
    await inKernel(a, false);

    await configure({gracefulShutdown: 'true'});
    await shows(bird, 'p0', /BGP\.community: \(65535,0\)/);
    await configure({holdTime: '30s', maxPrefixes: '100'});
    t.is(await flaps('border4'), first, 'nothing of this is a reason for a reset');

    const keys = [
      ['orange', '/etc/twill/border', '{file: /etc/twill/border}'],
      ['lemon', '/etc/twill/border', '{file: /etc/twill/border}'],
      ['cherry', '/etc/twill/secrets/bgp/border', '{secret: {name: bgp, key: border}}'],
    ] as const;
    for (const [round, [password, file, passwordFrom]] of keys.entries()) {
      await bird.reconfigure(birdConfig({password}));
      await a.writeFile(file, `${password}\n`);
      await configure({passwordFrom});
      await isUpAgain(a, first + round + 1);
    }

    await bird.reconfigure(birdConfig({asn: 64_999}));
    await configure({localAs: '{asn: 64999}'});
    await isUpAgain(a, first + 4);
    await shows(bird, 'p0', /BGP\.as_path: 64999\n/);

    await configure({localAs: '{asn: 64999}', shutdown: 'moving house'});
    const isTold = async () =>
      (await bird.ask('show protocols all p0')).includes('moving house') ||
      /Administrative shutdown/i.test(await bird.ask('show protocols all p0'));
    await eventually(isTold, {withinMs: 10_000, everyMs: 100, what: 'the shutdown at bird'});
    t.regex((await peersOf(a, 'border4'))[0]?.stopped ?? '', /shut down/);

    await lab.twillctl(['delete', 'bgppeer', 'border4']);
    await eventually(async () => (await peersOf(a, 'border4')).length === 0, {
      ...{withinMs: 10_000, everyMs: 100, what: 'a without border4'},
    });
    const [after] = await peersOf(a, 'border6');
    t.is(after?.flaps, before?.flaps);
    t.is(after?.state, 'Established');
    t.true((after?.inStateSeconds ?? 0) > (before?.inStateSeconds ?? 0));

    t.regex(await askDaemon(a, '/metrics'), /^twill_bgp_withheld_peers 0$/m);
    await configure({passwordFrom: '{file: /etc/twill/nowhere}'});
    const isWithheld = async () =>
      /^twill_bgp_withheld_peers 1$/m.test(await askDaemon(a, '/metrics'));
    await eventually(isWithheld, {withinMs: 10_000, everyMs: 100, what: 'border4 withheld'});
    t.deepEqual(await peersOf(a, 'border4'), []);

    await lab.apply(racks);
    const listens = async () =>
      /^racks +192\.0\.2\.128\/25 +65200 +Listening /m.test(
        (await a.twillctl(['bgp', 'peers'])).stdout,
      );
    await eventually(listens, {withinMs: 10_000, everyMs: 100, what: 'the range of racks'});
  },
  {programs: ['bird', 'birdc']},
);

const installRoutes = (isWanted: boolean) => `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {installRoutes: ${isWanted}}
`;

const racks = `apiVersion: twill.io/v1
kind: BGPPeer
metadata: {name: racks}
spec: {address: 192.0.2.128/25, asn: 65200}
`;

async function createBorder(scope: Scope) {
  const lab = await createLab(scope, {hosts: ['a', 'b']});
  const [a, b] = [lab.host('a'), lab.host('b')];
  const border = await openMachine(lab.fabric, 'border');
  await joinMachines(
    lab.fabric,
    {machine: new Machine(a.namespace), addresses: withLength('host', 'border4', 'border6')},
    {machine: border, addresses: withLength('border', 'border4', 'border6')},
  );
  await joinMachines(
    lab.fabric,
    {machine: new Machine(b.namespace), addresses: withLength('host', 'border-b')},
    {machine: border, addresses: withLength('border', 'border-b')},
    'b',
  );
  await border.ip('address add 172.16.0.1/32 dev lo');
  const bird = new Bird(border, birdConfig());
  await bird.start();
  const peers: readonly Name[] = ['border4', 'border6', 'border-b'];
  await lab.apply([resources(), ...peers.map(name => peerRecord(name))].join('---\n'));
  await Promise.all([a, b].map(each => each.startDaemon({node: {labels: {rack: each.name}}})));
  for (const name of peers) await isUp(name === 'border-b' ? b : a, name);
  return {
    ...{lab, a, border, bird},
    configure: (fields: Readonly<Record<string, string>>) =>
      lab.apply(peerRecord('border4', fields)),
  };
}

function withLength(side: 'host' | 'border', ...names: readonly Name[]): readonly string[] {
  return names.map(name => `${ends[name][side]}/${name === 'border6' ? 126 : 30}`);
}

function peerRecord(name: Name, fields: Readonly<Record<string, string>> = {}): string {
  const lines = Object.entries(fields).map(([field, value]) => `  ${field}: ${value}\n`);
  return `apiVersion: twill.io/v1
kind: BGPPeer
metadata: {name: ${name}}
spec:
  nodeSelector: {matchLabels: {rack: ${name === 'border-b' ? 'b' : 'a'}}}
  address: '${ends[name].border}'
  asn: 65100
  connectRetry: 1s
${lines.join('')}`;
}

/** `first`: what is different towards border4. */
function birdConfig(first: Partial<RouterPeer> = {}) {
  const peers = Object.entries(ends).map(([name, {host, border}]) => ({
    ...{address: host, localAddress: border, asn: 64_512},
    ...(name === 'border4' && first),
  }));
  return {
    ...{asn: 65_100, identifier: '198.51.100.2', nextHops: {ipv4: '', ipv6: ''}},
    ...{announces: [outside], kernel: true, gracefulRestart: {timeSeconds: 30}, peers},
  };
}

interface PeerShown {
  readonly name: string;
  readonly state: string;
  readonly stopped?: string;
  readonly flaps: number;
  readonly inStateSeconds: number;
}

async function peersOf(host: Host, name: Name): Promise<readonly PeerShown[]> {
  const {stdout} = await host.twillctl(['bgp', 'peers', '-o', 'json']);
  const {peers} = JSON.parse(stdout) as {peers: readonly PeerShown[]};
  return peers.filter(peer => peer.name === name);
}

async function isUp(host: Host, name: Name): Promise<void> {
  const isSo = async () => (await peersOf(host, name))[0]?.state === 'Established';
  await eventually(isSo, {withinMs: 20_000, everyMs: 100, what: `session ${name}`});
}

async function isUpAgain(host: Host, flaps: number): Promise<void> {
  const isSo = async () => {
    const [peer] = await peersOf(host, 'border4');
    return peer?.state === 'Established' && peer.flaps >= flaps;
  };
  await eventually(isSo, {withinMs: 20_000, everyMs: 100, what: 'the session once more'});
}

async function shows(bird: Bird, protocol: string, what: RegExp): Promise<void> {
  const isSo = async () => what.test(await bird.ask(`show route all protocol ${protocol}`));
  await eventually(isSo, {withinMs: 10_000, everyMs: 100, what: String(what)});
}

async function inKernel(host: Host, isThere: boolean): Promise<void> {
  const isSo = async () => ((await host.ip(`route show ${outside}`)) !== '') === isThere;
  await eventually(isSo, {withinMs: 10_000, everyMs: 100, what: `${outside}: ${isThere}`});
}
