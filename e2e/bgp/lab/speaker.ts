/**
 * Our own speaker as one of the routers: the standalone program, without etcd and kernel. Its table is what it
 * printed so far. Shell.
 */
import {fileURLToPath} from 'node:url';
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  allFamilies,
  familyOf,
  type Family,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
} from './router.js';

const program = fileURLToPath(new URL('../../../node-daemon/bgp/standalone.js', import.meta.url));
const configFile = '/run/twill/speaker.json';
/** The first line of bin/twilld. */
const asTwilld = ['--max-semi-space-size=4'];

interface RouteLine {
  readonly prefix: string;
  readonly nextHops: readonly {readonly address: string}[];
  readonly asPath: readonly number[];
  readonly attributes?: object; // absent: no route any more
}

/** What it says of a peer, of what tests look at; see node-daemon/bgp-fsm/speaker/status.ts. */
export interface PeerLine {
  readonly address: string;
  readonly state: string;
  readonly isLimited: boolean;
  readonly bfd?: {readonly state: string; readonly remoteState: string};
  readonly established: number;
  readonly received: MessageLine;
  readonly sent: MessageLine;
  readonly prefixes: Readonly<Record<'received' | 'advertised' | 'stale', Record<Family, number>>>;
  readonly lastError?: {readonly words: string};
  readonly lastDown?: {readonly words: string};
}

interface StatusLine {
  readonly peers: readonly PeerLine[];
  readonly restart: RestartLine;
}

interface RestartLine {
  readonly isOver: boolean;
  readonly awaited: readonly string[]; // peers
}

interface MessageLine {
  readonly update: number;
  readonly refresh: number;
}

export interface SpeakerOptions {
  readonly thread?: 'own' | 'ours'; // ours
  readonly printRoutes?: boolean; // true; without it routes() has nothing to look at
  /** Neighbours that dial; as standalone-config.ts has them. */
  readonly ranges?: readonly ({cidr: string} & Readonly<Record<string, unknown>>)[];
}

export class Speaker implements Router {
  readonly kind = 'twill';
  readonly #machine: Machine;
  readonly #options: SpeakerOptions;
  #config: RouterConfig;
  #own: readonly string[];
  #process: LongProcess | undefined;

  constructor(machine: Machine, config: RouterConfig, options: SpeakerOptions = {}) {
    this.#machine = machine;
    this.#config = config;
    this.#options = options;
    this.#own = config.announces ?? [];
  }

  async start({isRestart = false}: {isRestart?: boolean} = {}): Promise<void> {
    await this.#machine.writeFile(configFile, JSON.stringify(this.#file(isRestart)));
    const flags = this.#options.thread === 'own' ? asTwilld : [];
    this.#process = this.#machine.start([process.execPath, ...flags, program, configFile]);
    await this.#process.line(line => line.includes('"kind":"ready"'), 10_000);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.kill(signal);
  }

  /** A line of standalone.ts's commands. */
  command(command: object): void {
    this.#process?.write(`${JSON.stringify(command)}\n`);
  }

  /** A changed configuration, live. */
  configure(config: Partial<RouterConfig>): void {
    this.#config = {...this.#config, ...config};
    this.command({kind: 'configure', ...this.#file()});
  }

  /** @throws Error when it has no such peer. */
  async peer(address: string): Promise<PeerLine> {
    const peer = (await this.#status()).find(each => each.address === address);
    if (peer === undefined) throw new Error(`no peer ${address}`);
    return peer;
  }

  async peers(): Promise<readonly PeerView[]> {
    const peers = await this.#status();
    return peers.map(({address, state}) => ({
      ...{address, state},
      isEstablished: state === 'Established',
    }));
  }

  /** Whether it has said so in its log. */
  async hasLogged(message: string): Promise<boolean> {
    return this.#lines<{message?: string}>('log').some(line => line.message === message);
  }

  /** What it last said about the peer's failures. */
  async lastError(address: string): Promise<string | undefined> {
    return (await this.#status()).find(peer => peer.address === address)?.lastError?.words;
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    const table = new Map<string, RouteLine>();
    for (const route of this.#lines<RouteLine>('route')) {
      if (route.attributes === undefined) table.delete(route.prefix);
      else table.set(route.prefix, route);
    }
    return [...table.values()]
      .filter(({prefix}) => familyOf(prefix) === family)
      .map(({prefix, nextHops, asPath}) => ({
        ...{prefix, asPath, isBest: true},
        nextHop: nextHops[0]?.address ?? '',
      }));
  }

  announce(prefix: string): Promise<void> {
    return this.#originate([...this.#own, prefix]);
  }

  withdraw(prefix: string): Promise<void> {
    return this.#originate(this.#own.filter(each => each !== prefix));
  }

  async #originate(prefixes: readonly string[]): Promise<void> {
    this.#own = prefixes;
    this.command({kind: 'configure', ...this.#file()});
  }

  /** Of ourselves. */
  async restart(): Promise<RestartLine> {
    const restart = (await this.#statusLine())?.restart;
    if (restart === undefined) throw new Error('it does not run');
    return restart;
  }

  async #status(): Promise<readonly PeerLine[]> {
    return (await this.#statusLine())?.peers ?? [];
  }

  async #statusLine(): Promise<StatusLine | undefined> {
    const running = this.#process;
    if (running === undefined) return undefined;
    const from = running.lines.length;
    running.write('{"kind": "status"}\n');
    const line = await running.line(text => text.includes('"kind":"status"'), 5000, from);
    return JSON.parse(line) as StatusLine;
  }

  #lines<T>(kind: string): readonly T[] {
    return (this.#process?.lines ?? [])
      .filter(line => line.startsWith(`{"kind":"${kind}"`))
      .map(line => JSON.parse(line) as T);
  }

  #file(isRestart = false): object {
    const {asn, identifier, gracefulRestart, kernel, multipath, peers} = this.#config;
    return {
      ...this.#options,
      ...(kernel === true && {stateDir: '/run/twill/state'}),
      multipath: {
        ...{max: multipath ?? 1, maxInternal: multipath ?? 1},
        ...{relaxAsPath: false, relaxPeerType: false},
      },
      ...{asn, identifier, listen: {port: 179}, routes: this.#own, peers: peers.map(toPeer)},
      gracefulRestart:
        gracefulRestart === undefined
          ? null
          : {
              restartTimeSeconds: gracefulRestart.timeSeconds,
              longLivedSeconds: gracefulRestart.longLivedSeconds ?? 0,
            },
      start: {restarted: isRestart, preserved: isRestart ? allFamilies : []},
    };
  }
}

function toPeer(peer: RouterPeer): object {
  const {address, asn, localAddress, passive, password, ttlSecurity, multihop} = peer;
  const mode = peer.addPath ?? 'none';
  return {
    ...{address, asn, passive, password, sourceAddress: localAddress},
    interface: peer.interface,
    prefixLimitRestartSeconds: peer.prefixLimitRestartSeconds,
    shutdown: peer.shutdown,
    families: peer.families ?? allFamilies,
    holdTimeSeconds: peer.holdSeconds ?? 9,
    sendHoldSeconds: peer.sendHoldSeconds,
    connectRetryMs: 1000,
    ttl: ttlSecurity === true ? 255 : (multihop ?? 1),
    ...(ttlSecurity === true && {ttlSecurityHops: multihop ?? 1}),
    addPath: {ipv4: mode, ipv6: mode},
    extendedNextHop: peer.extendedNextHop === true,
    extendedMessages: peer.extendedMessages === true,
    role: peer.role,
    ...(peer.bfd && {bfd: {...peer.bfd, multihop: multihop !== undefined}}),
    ...(peer.exports === 'own' && {export: [{match: {source: 'local'}, action: 'accept'}]}),
    policy: {
      reflectorClient: peer.reflectorClient === true,
      role: peer.role,
      linkBandwidth: peer.linkBandwidth,
      ...(peer.addPath !== undefined && {addPathMax: 8}),
      ...(peer.prefixLimit !== undefined && {
        maxPrefixes: {max: peer.prefixLimit, warnPercent: 80},
      }),
    },
  };
}
