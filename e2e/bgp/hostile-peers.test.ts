/*
 *                                  ┌── BIRD 65002, hold time 3 s
 *   machine twill                  ├── 20 calm neighbours, hold time 3 s, that count
 *   our speaker 65001 ── bridge ───┼── one that reads nothing, one that reads 1 kB/s
 *                                  ├── one that floods 1,000,000 prefixes into a limit of 1,000
 *                                  ├── 50 that reset their connection as soon as it stands
 *                                  └── one that loads a full table, 1,000,000 prefixes
 *
 * Claim: whatever neighbours do, sessions with the others stay, also those with a hold time of 3 s; what is
 * announced reaches the good ones; the one that reads nothing is let go by the send hold timer (RFC 9687),
 * the one over its limit by Cease 6/1. Control: a good one that is cut off is missed.
 */
import type {ExecutionContext} from 'ava';
import {fileURLToPath} from 'node:url';

import {eventually} from '../lab/eventually.js';
import type {LongProcess} from '../lab/process.js';
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {Bird} from './lab/bird.js';
import type {RogueOptions, RogueReport} from './lab/rogue.js';
import {established, learns, type RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const program = fileURLToPath(new URL('lab/rogue.js', import.meta.url));
const needs = {programs: ['bird', 'birdc']};
const ours = '198.51.100.1';
const at = (first: number, count = 1) =>
  Array.from({length: count}, (_, n) => `198.51.100.${first + n}`);
const places = {
  bird: at(2),
  calm: at(10, 20),
  deaf: at(40),
  slow: at(41),
  flood: at(42),
  load: at(43),
  storm: at(50, 50),
} as const;
const asns = {
  bird: 65002,
  calm: 65003,
  deaf: 65004,
  slow: 65005,
  flood: 65006,
  load: 65007,
  storm: 65008,
};

labTest(
  'deaf, slow, flooding and resetting neighbours beside a full table: the others never flap',
  async t => {
    const {twill, bird, machines} = await fabric(t);
    const calm = rogue(machines.bad, 'calm');
    await reaches(calm, ({up}) => up === 20, 'twenty calm sessions');
    await established(bird, ours);

    const bad = [rogue(machines.bad, 'deaf'), rogue(machines.bad, 'slow')];
    for (const each of bad) await each.line(line => line.startsWith('up '), 10_000);
    const storm = rogue(machines.bad, 'storm');
    await reaches(storm, ({rounds}) => rounds > 100, 'a hundred resets');
    const flood = rogue(machines.bad, 'flood', {prefixes: 1_000_000});
    const startedAt = performance.now();
    rogue(machines.load, 'load', {mode: 'flood', prefixes: 1_000_000});
    const has = async (address: string, count: number) =>
      (await twill.peer(address)).prefixes.received.ipv4 >= count;
    const load = places.load[0] ?? '';
    await eventually(() => has(load, 1_000_000), {
      ...{withinMs: 120_000, everyMs: 200},
      what: 'the whole table',
    });
    t.log(`the table was in after ${Math.round(performance.now() - startedAt)} ms`);

    await flood.line(line => line.includes('NOTIFICATION 6/1'), 20_000);
    t.true((await twill.peer(places.flood[0] ?? '')).isLimited);
    const isLetGo = async () =>
      /send hold/.test((await twill.peer(places.deaf[0] ?? '')).lastDown?.words ?? '');
    await eventually(isLetGo, {withinMs: 30_000, everyMs: 100, what: 'the send hold timer'});

    const before = await ask(storm);
    await twill.announce('10.1.1.0/24'); // the speaker is no slower for all of that
    await learns(bird, '10.1.1.0/24', 30_000);
    await reaches(storm, ({rounds}) => rounds > before.rounds + 50, 'more resets');
    const counted = await ask(calm);
    t.log(`resets: ${before.rounds}; calm ones: ${JSON.stringify(counted)}`);
    t.is(counted.up, 20);
    t.is(counted.downs, 0);
    t.is((await twill.peer(places.bird[0] ?? '')).established, 1);
    t.is((await twill.peer(places.slow[0] ?? '')).established, 1, 'slow is not dead');
    t.is((await twill.peer(load)).established, 1);
  },
  needs,
);

labTest(
  'control: a calm neighbour that hears nothing for its hold time says so',
  async t => {
    const {machines} = await fabric(t);
    const calm = rogue(machines.bad, 'calm');
    await reaches(calm, ({up}) => up === 20, 'twenty calm sessions');
    await machines.twill.run(['iptables-restore', '--noflush'], {
      input: '*filter\n-A OUTPUT -j DROP\nCOMMIT\n',
    });
    await calm.line(line => line.includes('hold timer expired'), 10_000);
    t.true((await ask(calm)).downs > 0);
  },
  needs,
);

async function fabric(t: ExecutionContext) {
  const lab = await createBgpLab(t);
  const [a, hub, good, bad, load] = await Promise.all(
    ['twill', 'hub', 'good', 'bad', 'load'].map(lab.machine),
  );
  if (!a || !hub || !good || !bad || !load) throw new Error('just made');
  await hub.ip('link add hub type bridge');
  await hub.ip('link set hub up');
  for (const [machine, addresses] of [
    [a, [ours]],
    [good, places.bird],
    [bad, [...places.calm, ...places.deaf, ...places.slow, ...places.flood, ...places.storm]],
    [load, places.load],
  ] as const) {
    const withLength = addresses.map(address => `${address}/24`);
    await lab.link({machine, addresses: withLength}, {machine: hub, addresses: []});
  }
  for (const device of ['to-twill', 'to-good2', 'to-bad3', 'to-load4']) {
    await hub.ip(`link set ${device} master hub`);
  }
  // what nobody reads fits into no buffer
  await bad.run(['sysctl', '-qw', 'net.ipv4.tcp_rmem=4096 8192 16384']);

  const peer = (kind: keyof typeof places, settings: Partial<RouterPeer> = {}) =>
    places[kind].map((address): RouterPeer => ({
      ...{address, localAddress: ours, asn: asns[kind], passive: true},
      ...{families: ['ipv4'], holdSeconds: 240, ...settings},
    }));
  const twill = new Speaker(
    a,
    {
      ...{asn: 65001, identifier: ours, nextHops: {ipv4: ours, ipv6: '::'}},
      announces: ['10.1.0.0/24'],
      gracefulRestart: {timeSeconds: 30},
      peers: [
        ...peer('bird', {holdSeconds: 3, passive: false}),
        ...peer('calm', {holdSeconds: 3, exports: 'own'}),
        ...peer('deaf', {sendHoldSeconds: 10}),
        ...peer('slow'),
        ...peer('flood', {prefixLimit: 1000, exports: 'own'}),
        ...peer('load', {exports: 'own'}),
        ...peer('storm', {exports: 'own'}),
      ],
    },
    {printRoutes: false},
  );
  const bird = new Bird(good, {
    ...{asn: 65002, identifier: '198.51.100.2', nextHops: {ipv4: '198.51.100.2', ipv6: '::'}},
    announces: ['10.2.0.0/24'],
    peers: [
      {
        ...{address: ours, localAddress: '198.51.100.2', asn: 65001},
        ...{holdSeconds: 3, families: ['ipv4'], passive: true},
      },
    ],
  });
  await Promise.all([twill.start(), bird.start()]);
  return {twill, bird, machines: {twill: a, bad, load}};
}

function rogue(
  machine: Machine,
  kind: keyof typeof places,
  settings: Partial<RogueOptions> = {},
): LongProcess {
  const options = {mode: kind, local: places[kind], remote: ours, asn: asns[kind], ...settings};
  return machine.start([process.execPath, program, JSON.stringify(options)]);
}

async function ask(process: LongProcess): Promise<RogueReport> {
  const from = process.lines.length;
  process.write('?\n');
  const line = await process.line(text => text.startsWith('{'), 5000, from);
  return JSON.parse(line) as RogueReport;
}

async function reaches(
  process: LongProcess,
  isSo: (report: RogueReport) => boolean,
  what: string,
): Promise<void> {
  await eventually(async () => isSo(await ask(process)), {withinMs: 20_000, everyMs: 50, what});
}
