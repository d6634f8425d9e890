/**
 * Whole speakers against each other, over wires that cut messages anywhere, while hosts die, links break
 * and configurations change. TWILL_SIMULATIONS=1000 for more stories, TWILL_SEED=n for one again.
 */
import test from 'ava';
import {nextMessage} from '../wire/header.js';
import {NOTIFICATION, OPEN} from '../wire/constants.js';
import {Rib} from '../rib/rib.js';
import {NaiveRib} from './naive-rib.js';
import {PaperCluster, randomOf, type Node} from './paper-cluster.js';
import type {PaperEnd} from './paper-world.js';

const STORIES = Number(process.env['TWILL_SIMULATIONS'] ?? 40);
const FIRST = Number(process.env['TWILL_SEED'] ?? 1);
const STEPS = 30;
const STALE_MS = 180_000 + 5_000; // of paper-speaker.ts, and a little

/** Path-vector routing by the book: everybody chooses among what the neighbours chose, until none changes. */
function oracle({nodes, links}: PaperCluster): ReadonlyMap<number, ReadonlyMap<string, string>> {
  const tables = new Map(
    nodes.map(({index, routes}) => [index, new Map(routes.map(route => [route, [] as number[]]))]),
  );
  const prefixes = new Set(nodes.flatMap(({routes}) => routes));
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const {index, asn, routes} of nodes) {
      const neighbours = links
        .flatMap(({ends}) => (ends.includes(index) ? ends.filter(end => end !== index) : []))
        .sort((a, b) => a - b);
      for (const prefix of prefixes) {
        if (routes.includes(prefix)) continue;
        const best = neighbours
          .flatMap(each => {
            const path = tables.get(each)?.get(prefix);
            return path === undefined ? [] : [[nodes[each]!.asn, ...path]];
          })
          .filter(path => !path.includes(asn))
          .sort((a, b) => a.length - b.length)[0];
        const table = tables.get(index)!;
        if (best?.join(' ') === table.get(prefix)?.join(' ')) continue;
        isChanged = true;
        if (best === undefined) table.delete(prefix);
        else table.set(prefix, best);
      }
    }
  }
  return new Map(
    [...tables].map(([index, table]) => [
      index,
      new Map([...table].map(([prefix, path]) => [prefix, path.join(' ')])),
    ]),
  );
}

/** Undefined, or what is wrong with what this end has said. */
function faultOf(end: PaperEnd): string | undefined {
  const bytes = Buffer.concat(end.written);
  let last = 0;
  for (let at = 0; at < bytes.length;) {
    const frame = nextMessage(bytes, at, bytes.length, true);
    if (frame.kind !== 'message') return `octets at ${at} are no message`;
    if (at === 0 && frame.type !== OPEN) return `begins with a message of type ${frame.type}`;
    if (last === NOTIFICATION) return `type ${frame.type} after a NOTIFICATION`;
    last = frame.type;
    at += frame.length;
  }
  return undefined;
}

/** Undefined, or whose routes are kept beyond their time. */
function overdue({index, speaker}: Node): string | undefined {
  for (const peer of speaker?.speaker.status().peers ?? []) {
    const isOld = peer.state !== 'Established' && (peer.lastDown?.agoMs ?? 0) > STALE_MS;
    const held = peer.prefixes.received.ipv4 + peer.prefixes.received.ipv6;
    if (isOld && held > 0) return `${index} keeps ${held} routes of ${peer.config.name}`;
  }
  return undefined;
}

function sorted(table: ReadonlyMap<string, string>): readonly string[] {
  return [...table].map(([prefix, path]) => `${prefix} [${path}]`).sort();
}

test(`${STORIES} stories end with the routes that the graph has`, t => {
  let sessions = 0;
  let deaths = 0;
  for (let seed = FIRST; seed < FIRST + STORIES; seed++) {
    const random = randomOf(seed);
    const createRib = () => (random() < 0.2 ? new NaiveRib() : new Rib());
    const cluster = new PaperCluster(random, 2 + Math.floor(random() * 4), createRib);
    const tell = () => `seed ${seed}\n${cluster.story.join('\n')}`;
    for (let step = 0; step < STEPS; step++) {
      cluster.step();
      for (const node of cluster.nodes) t.is(overdue(node), undefined, tell());
    }
    cluster.settle();

    const expected = oracle(cluster);
    for (const {index, kernel, speaker} of cluster.nodes) {
      const peers = speaker?.speaker.status().peers ?? [];
      t.deepEqual(
        peers.filter(({state}) => state !== 'Established').map(({config}) => config.name),
        [],
        tell(),
      );
      t.deepEqual(sorted(kernel), sorted(expected.get(index)!), tell());
      sessions += peers.reduce((sum, peer) => sum + peer.established, 0);
    }
    for (const end of cluster.network.ends) t.is(faultOf(end), undefined, tell());
    deaths += cluster.story.filter(line => line.includes('kill')).length;
  }
  t.true(sessions > STORIES * 5 && deaths > STORIES, `${sessions} sessions, ${deaths} deaths`);
  t.log(`${sessions} sessions, ${deaths} deaths`);
});
