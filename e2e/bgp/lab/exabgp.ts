/**
 * ExaBGP: no table of its own; it tells what peers say as JSON lines, from which the table is made
 * here. Good for what others cannot be made to do: an old two-octet speaker, odd attributes. Shell.
 *
 * Its API is a pipe to a program that it starts: ours writes what it hears to standard error, which is
 * ExaBGP's own, and hands on the commands from a fifo.
 */
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  type Family,
  allFamilies,
  answers,
  familyOf,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
  refuse,
} from './router.js';

const configFile = '/run/exabgp/exabgp.conf';
const apiProgram = '/run/exabgp/api.sh';
const commandFifo = '/run/exabgp/commands';

export class Exabgp implements Router {
  readonly kind = 'exabgp';
  readonly #machine: Machine;
  readonly #config: RouterConfig;
  #process: LongProcess | undefined;

  constructor(machine: Machine, config: RouterConfig) {
    this.#machine = machine;
    this.#config = config;
  }

  async start(): Promise<void> {
    await this.#machine.writeFile(configFile, exabgpConfig(this.#config));
    // `3<>`: a fifo that is also open for writing never ends, so its reader has to end with its parent
    const reader = 'setpriv --pdeathsig KILL cat <&3 &';
    const script = `#!/bin/sh\nexec 3<>${commandFifo}\n${reader}\nexec cat >&2\n`;
    await this.#machine.writeFile(apiProgram, script);
    await this.#machine.run(['sh', '-c', `rm -f ${commandFifo}; mkfifo ${commandFifo}`]);
    this.#process = this.#machine.start(['exabgp', configFile], this.#environment());
    const process = this.#process;
    await answers(async () => {
      await process.line(line => line.includes('loaded new configuration successfully'), 10_000);
    }, 'exabgp');
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.kill(signal);
  }

  /** A line of its API: 'announce route 10.0.0.0/8 next-hop self med 5'. */
  async command(line: string): Promise<void> {
    await this.#machine.run(['sh', '-c', `cat >${commandFifo}`], {input: `${line}\n`});
  }

  /** What it was told, as far as it is of this type. */
  events(type?: string): readonly ExabgpEvent[] {
    const lines = this.#process?.lines ?? [];
    return lines
      .filter(line => line.startsWith('{ "exabgp"'))
      .map(line => JSON.parse(line) as ExabgpEvent)
      .filter(event => type === undefined || event.type === type);
  }

  async peers(): Promise<readonly PeerView[]> {
    const states = new Map<string, string>(this.#config.peers.map(peer => [peer.address, 'idle']));
    for (const {neighbor} of this.events('state')) {
      states.set(neighbor.address.peer, neighbor.state ?? '');
    }
    return [...states].map(([address, state]) => ({address, state, isEstablished: state === 'up'}));
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    const tables = new Map<string, Map<string, RouteView>>();
    for (const event of this.events()) {
      const peer = event.neighbor.address.peer;
      if (event.type === 'state' && event.neighbor.state !== 'up') tables.delete(peer);
      const update = event.neighbor.message?.update;
      if (update === undefined) continue;
      const table = tables.get(peer) ?? new Map<string, RouteView>();
      tables.set(peer, table);
      applyUpdate(table, update);
    }
    return [...tables.values()]
      .flatMap(table => [...table.values()])
      .filter(route => familyOf(route.prefix) === family);
  }

  announce(prefix: string): Promise<void> {
    return this.command(`announce ${routeText(prefix, this.#config)}`);
  }

  withdraw(prefix: string): Promise<void> {
    return this.command(`withdraw ${routeText(prefix, this.#config)}`);
  }

  #environment(): Record<string, string> {
    const passive = this.#config.peers.filter(peer => peer.passive === true);
    const bind = [...new Set(passive.map(peer => peer.localAddress))].join(' ');
    return {
      'exabgp.daemon.user': 'root',
      'exabgp.log.destination': 'stderr',
      'exabgp.log.level': 'INFO',
      'exabgp.api.cli': 'false',
      'exabgp.api.ack': 'false',
      ...(bind !== '' && {'exabgp.tcp.bind': bind, 'exabgp.tcp.port': '179'}),
    };
  }
}

export interface ExabgpEvent {
  readonly type: string;
  readonly neighbor: {
    readonly address: {readonly peer: string};
    readonly state?: string;
    readonly message?: {
      readonly update?: ExabgpUpdate;
      readonly notification?: {readonly code: number; readonly subcode: number; data: string};
    };
  };
}

interface ExabgpUpdate {
  readonly attribute?: {readonly 'as-path'?: Record<string, {readonly value: number[]}> | number[]};
  readonly announce?: Record<string, Record<string, readonly (string | {nlri?: string})[]>>;
  readonly withdraw?: Record<string, readonly (string | {nlri?: string})[]>;
}

function applyUpdate(table: Map<string, RouteView>, update: ExabgpUpdate): void {
  const path = update.attribute?.['as-path'] ?? [];
  const asPath = Array.isArray(path) ? path : Object.values(path).flatMap(({value}) => value);
  for (const hops of Object.values(update.announce ?? {})) {
    for (const [nextHop, nlris] of Object.entries(hops)) {
      for (const each of Object.values(nlris)) {
        const prefix = typeof each === 'string' ? each : each.nlri;
        if (prefix !== undefined) table.set(prefix, {prefix, nextHop, asPath, isBest: true});
      }
    }
  }
  for (const nlris of Object.values(update.withdraw ?? {})) {
    for (const each of nlris) table.delete(typeof each === 'string' ? each : (each.nlri ?? ''));
  }
}

export function exabgpConfig(config: RouterConfig): string {
  refuse('exabgp', config, ['kernel', 'multipath']);
  return [
    `process api {run /bin/sh ${apiProgram}; encoder json;}`,
    ...config.peers.map(peer => peerConfig(peer, config)),
  ].join('\n');
}

function peerConfig(peer: RouterPeer, config: RouterConfig): string {
  refuse('exabgp', peer, ['bfd', 'interface', 'prefixLimit', 'reflectorClient', 'role']);
  const {addPath, extendedNextHop, multihop} = peer;
  const directions = {send: 'send', receive: 'receive', both: 'send/receive'} as const;
  const capabilities = [
    `asn4 ${peer.as4 === false ? 'disable' : 'enable'}`,
    'route-refresh enable',
    ...(config.gracefulRestart ? [`graceful-restart ${config.gracefulRestart.timeSeconds}`] : []),
    ...(addPath === undefined ? [] : [`add-path ${directions[addPath]}`]),
    ...(extendedNextHop === true ? ['nexthop enable'] : []),
  ];
  const routes = (config.announces ?? []).map(prefix => routeText(prefix, config));
  const lines = [
    `router-id ${config.identifier}`,
    `local-address ${peer.localAddress}`,
    `local-as ${config.asn}`,
    `peer-as ${peer.asn}`,
    `hold-time ${peer.holdSeconds ?? 9}`,
    ...(peer.passive === true ? ['passive true', 'listen 179'] : []),
    ...(peer.password === undefined ? [] : [`md5-password "${peer.password}"`]),
    ...(peer.ttlSecurity === true ? ['incoming-ttl 255', 'outgoing-ttl 255'] : []),
    ...(multihop === undefined ? [] : [`outgoing-ttl ${multihop}`]),
  ];
  const families = (peer.families ?? allFamilies).map(family => `${family} unicast`);
  return [
    `neighbor ${peer.address} {`,
    ...lines.map(line => `  ${line};`),
    `  capability {${statements(capabilities)}}`,
    `  family {${statements(families)}}`,
    ...(extendedNextHop === true ? ['  nexthop {ipv4 unicast ipv6;}'] : []),
    '  api {processes [api]; neighbor-changes; receive {parsed; update; notification; refresh;}}',
    `  static {${statements(routes)}}`,
    '}',
  ].join('\n');
}

/** "self" would be the session's address, also for the other family. */
function routeText(prefix: string, {nextHops}: RouterConfig): string {
  return `route ${prefix} next-hop ${nextHops[familyOf(prefix)]}`;
}

function statements(list: readonly string[]): string {
  return list.map(each => ` ${each};`).join('');
}
