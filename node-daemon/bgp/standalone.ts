/**
 * The speaker by itself: no etcd, no kernel. `node standalone.js FILE`, standalone-config.ts says what the
 * file is; SIGHUP reads it again. Prints a JSON line for each event; takes commands as JSON lines:
 *
 *   {"kind": "status"}   {"kind": "reset", "peer": "…", "words": "…"}   {"kind": "leave", "how": {…}}
 *   {"kind": "refresh", "peer": "…", "direction": "in", "family": "ipv4"}   {"kind": "configure", …file}
 *
 * SIGTERM leaves as for a restart: without a word.
 */
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';

import {formatAddress, type Family, type SelectedRoute, type SpeakerStatus} from '#bgp-fsm';
import type {SpeakerCommand, SpeakerMessage} from './messages.js';
import {SpeakerService} from './speaker-service.js';
import {parseStandalone} from './standalone-config.js';
import {createClock} from './transport/clock.js';
import {SocketTransport} from './transport/socket-transport.js';

function main(path: string): void {
  const first = parseStandalone(readFileSync(path, 'utf8'));
  const transport = new SocketTransport((...line) => service.log(...line));
  const service = new SpeakerService(
    {clock: createClock(), random: Math.random, transport},
    message => hear(message, first.printsRoutes),
  );
  const configure = (text: string) => {
    const {config, routes} = parseStandalone(text);
    service.execute({kind: 'configure', config});
    service.execute({kind: 'localRoutes', routes});
  };

  const hear = (message: SpeakerMessage, printsRoutes: boolean) => {
    if (message.kind === 'selected') {
      if (printsRoutes) for (const route of message.routes) print(shownRoute(route));
      setImmediate(() => service.execute({kind: 'selectedTaken'}));
    } else if (message.kind === 'status') {
      print({kind: 'status', ...shownStatus(message.status)});
    } else {
      print(message);
    }
    if (message.kind === 'left') process.exit(0);
  };

  service.execute({kind: 'start', start: first.start});
  service.execute({kind: 'localRoutes', routes: first.routes});
  service.execute({kind: 'configure', config: first.config});
  print({kind: 'ready'});

  process.on('SIGHUP', () => configure(readFileSync(path, 'utf8')));
  process.on('SIGTERM', () => service.execute({kind: 'leave', how: {kind: 'restart'}}));
  createInterface({input: process.stdin}).on('line', line => {
    const command = JSON.parse(line) as SpeakerCommand;
    if (command.kind === 'configure') configure(line);
    else service.execute({id: 0, ...command} as SpeakerCommand);
  });
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
main(path);
