/**
 * The speaker by itself: no etcd, and learnt routes in the kernel only where the file says `stateDir`.
 * `node standalone.js FILE`, standalone-config.ts says what the file is; SIGHUP reads it again. Prints a JSON line
 * for each event; takes commands as JSON lines:
 *
 *   {"kind": "status"}   {"kind": "reset", "peer": "…", "words": "…"}   {"kind": "leave", "how": {…}}
 *   {"kind": "refresh", "peer": "…", "direction": "in", "family": "ipv4"}   {"kind": "configure", …file}
 *
 * SIGTERM leaves as for a restart: without a word.
 */
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';

import {
  formatAddress,
  packSelected,
  unpackSelected,
  type Family,
  type Leave,
  type SelectedRoute,
  type SpeakerStatus,
} from '#bgp-fsm';
import {systemClock} from '../datastore/clock.js';
import {readBootId} from '../node/identity.js';
import {AbsentPeers} from './absent-peers.js';
import {KernelThread} from './kernel/kernel-thread.js';
import {LinkNeighbours} from './link-neighbours.js';
import {isOfRoutes, type RouteAnswer, type SpeakerCommand} from './messages.js';
import {RestartMarker} from './restart-marker.js';
import {SpeakerHost, type HostMessage} from './speaker-host.js';
import {parseStandalone} from './standalone-config.js';

async function main(path: string): Promise<void> {
  const first = parseStandalone(readFileSync(path, 'utf8'));
  const kernel = first.stateDir === undefined ? undefined : await openKernel(first.stateDir);
  // as in twilld; who prints routes has to hear of them
  const isDirect = kernel !== undefined && first.thread === 'own' && !first.printsRoutes;
  const hear = (message: HostMessage) => {
    if (message.kind === 'selected' || message.kind === 'selectedColumns') {
      const columns = message.kind === 'selected' ? packSelected(message.routes) : message.columns;
      if (first.printsRoutes) {
        const routes = message.kind === 'selected' ? message.routes : unpackSelected(columns);
        for (const route of routes) print(shownRoute(route));
      }
      if (kernel === undefined) host.tell({kind: 'selectedTaken'});
      else kernel.routes.tell({kind: 'selectedColumns', columns});
      return;
    }
    if (isOfRoutes(message)) kernel?.routes.tell(message);
    if (message.kind === 'peerState') absent.hear(message.peer, message.state);
    print(message);
  };
  const host = new SpeakerHost({
    thread: first.thread,
    ...(isDirect && {routesTo: kernel.routes.openPort()}),
    start: kernel?.past ?? first.start,
    onMessage: hear,
    onDeath(error) {
      throw error;
    },
  });
  const absent = new AbsentPeers({
    ...{clock: systemClock, before: kernel?.past.absent ?? [], absence: () => host.absence()},
    onChange: peers => void kernel?.marker.noteAbsent(peers).catch(notWritten),
  });
  let file = '';
  let neighbours: ReadonlyMap<string, string> = new Map();
  const links = new LinkNeighbours({
    log: (level, text, fields) => print({kind: 'log', level, message: text, fields}),
    onChange(heard) {
      neighbours = heard;
      configure(file);
    },
  });
  kernel?.onAnswer(answer => host.tell(answer));
  const configure = (text: string) => {
    file = text;
    const {config, routes, links: names} = parseStandalone(text, neighbours);
    host.tell({kind: 'localRoutes', routes});
    host.configure(config);
    links.watch(names);
  };
  const leave = async (how: Leave) => {
    await host.leave(how);
    print({kind: 'left'});
    process.exit(0);
  };

  configure(readFileSync(path, 'utf8'));
  print({kind: 'ready'});
  process.on('SIGHUP', () => configure(readFileSync(path, 'utf8')));
  process.on('SIGTERM', () => void leave({kind: 'restart'}));
  createInterface({input: process.stdin}).on('line', line => {
    const command = JSON.parse(line) as Exclude<
      SpeakerCommand,
      {kind: 'start' | 'show' | 'absence'}
    >;
    if (command.kind === 'configure') configure(line);
    else if (command.kind === 'leave') void leave(command.how);
    else if (command.kind !== 'status') host.tell(command);
    else void host.status().then(status => print({kind: 'status', ...shownStatus(status)}));
  });
}

/** `onAnswer`: who hears answers from now on. */
async function openKernel(stateDir: string) {
  let hear: (answer: RouteAnswer) => void = () => undefined;
  const marker = new RestartMarker(stateDir, await readBootId());
  const log = (fields: object, words: string) => print({kind: 'log', level: 'warn', words, fields});
  const routes = await KernelThread.open({
    log: {info: log, warn: log},
    onAnswer: answer => hear(answer),
    onHolding: families => void marker.note(families).catch(notWritten),
    onDeath(error) {
      throw error;
    },
  });
  const past = await marker.begin(routes.held);
  return {routes, past, marker, onAnswer: (to: typeof hear) => void (hear = to)};
}

function shownRoute({family, address, bits, nextHops, attributes}: SelectedRoute) {
  return {
    kind: 'route',
    family,
    prefix: `${formatAddress(address)}/${bits}`,
    nextHops: nextHops.map(hop => ({...hop, address: formatAddress(hop.address)})),
    asPath: attributes?.asPath?.flatMap(segment => segment.asns) ?? [],
    attributes,
  };
}

function shownStatus({peers, restart}: SpeakerStatus) {
  return {
    restart,
    peers: peers.map(({config, ...peer}) => {
      const families: readonly Family[] = peer.negotiated?.families ?? [];
      return {name: config.name, address: config.address, ...peer, families};
    }),
  };
}

function notWritten(err: unknown): void {
  print({kind: 'log', level: 'warn', words: 'marker not written', fields: {err}});
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, plain)}\n`);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value instanceof Error ? {...value, message: value.message} : value;
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write('usage: standalone FILE\n');
  process.exit(2);
}
await main(path);
