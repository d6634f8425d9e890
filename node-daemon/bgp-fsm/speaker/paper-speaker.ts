/** For tests: a speaker in the paper world, with the naive RIB, and the configurations it is given. */
import type {LocalRoute, PeerPolicy, RibApi} from '../rib/types.js';
import {familyOfAddress, parseAddress, parseCidr} from '../wire/address.js';
import type {PeerConfig, PeerOptions, SpeakerConfig} from './config.js';
import {acceptAll} from '../rib/paper-rib.js';
import {NaiveRib} from './naive-rib.js';
import type {PaperEnd, PaperNetwork, PaperTransport} from './paper-world.js';
import {Speaker, type SpeakerEvent, type SpeakerStart} from './speaker.js';
import type {PeerStatus} from './status.js';

export const plainPolicy: PeerPolicy = {
  importPolicy: acceptAll,
  exportPolicy: acceptAll,
  localAs: undefined,
  reflectorClient: false,
  nextHop: 'auto',
  allowAsIn: 0,
  enforceFirstAs: true,
  asOverride: false,
  removePrivateAs: false,
  role: undefined,
  maxPrefixes: undefined,
  addPathMax: 1,
  linkBandwidth: undefined,
  gracefulShutdown: false,
  defaultLocalPref: 100,
  maxAsPath: undefined,
  maxCommunities: undefined,
  nextHopsOnLink: false,
};

export const plainOptions: PeerOptions = {
  asns: 'any',
  localAsn: 65001,
  sourceAddress: undefined,
  passive: false,
  shutdown: undefined,
  holdTimeSeconds: 90,
  keepaliveSeconds: undefined,
  sendHoldSeconds: undefined,
  otherAsn: undefined,
  connectRetryMs: 5_000,
  password: undefined,
  ttl: 1,
  ttlSecurityHops: undefined,
  bfd: undefined,
  families: ['ipv4', 'ipv6'],
  extendedNextHop: false,
  addPath: {ipv4: 'none', ipv6: 'none'},
  extendedMessages: false,
  role: undefined,
  strictRole: false,
  gracefulRestart: true,
  prefixLimitRestartSeconds: undefined,
  policy: plainPolicy,
};

export function peerAt(address: string, more: Partial<PeerConfig> = {}): PeerConfig {
  return {...plainOptions, name: address, address, interface: undefined, port: 179, ...more};
}

export function speakerOf(asn: number, more: Partial<SpeakerConfig> = {}): SpeakerConfig {
  const peers = (more.peers ?? []).map(peer => ({...peer, localAsn: asn}));
  const ranges = (more.ranges ?? []).map(range => ({...range, localAsn: asn}));
  return {
    asn,
    identifier: asn,
    clusterId: asn,
    listen: {port: 179, addresses: []},
    gracefulRestart: {
      restartTimeSeconds: 120,
      staleTimeSeconds: 180,
      longLivedSeconds: 0,
      deferralMs: 10_000,
    },
    multipath: {max: 1, maxInternal: 1, relaxAsPath: false, relaxPeerType: false},
    alwaysCompareMed: false,
    ...more,
    peers,
    ranges,
  };
}

export function routesTo(...prefixes: readonly string[]): LocalRoute[] {
  return prefixes.map(text => {
    const {address, bits} = parseCidr(text)!;
    return {family: familyOfAddress(address), address, bits, attributes: {origin: 0, asPath: []}};
  });
}

interface PaperOptions {
  readonly start?: Partial<SpeakerStart>;
  readonly rib?: RibApi;
}

export class PaperSpeaker {
  readonly address: string;
  readonly transport: PaperTransport;
  readonly speaker: Speaker;
  readonly rib: NaiveRib;
  readonly events: SpeakerEvent[] = [];
  readonly logged: string[] = [];
  readonly #network: PaperNetwork;

  constructor(network: PaperNetwork, address: string, options: PaperOptions = {}) {
    this.address = address;
    this.#network = network;
    this.transport = network.attach(address);
    this.rib = new NaiveRib();
    const {transport} = this;
    const {clock} = network;
    this.speaker = new Speaker(
      {
        clock: alive(clock, () => !this.isDead),
        random: () => network.faults.random(),
        transport,
        log: (_level, message, fields) =>
          this.logged.push(`${message} ${JSON.stringify(fields, plain)}`),
      },
      options.rib ?? this.rib,
      {restarted: false, preserved: [], absent: [], ...options.start},
      event => this.events.push(event),
    );
  }

  isDead = false;

  /** As `kill -9`: its timers stop, its kernel closes what was open. */
  kill(): void {
    this.isDead = true;
    this.transport.kill(true);
  }

  peer(name: string): PeerStatus {
    const status = this.speaker.peer(name)?.status();
    if (status === undefined) throw new Error(`no peer ${name}`);
    return status;
  }

  /** Connections that stand. */
  get connections(): readonly PaperEnd[] {
    return this.#network.ends.filter(end => end.local === this.address && end.isOpen);
  }

  kinds(): readonly string[] {
    return this.events.map(event => event.kind);
  }
}

type PaperClockLike = PaperNetwork['clock'];

/** Callbacks of a dead process are not called. */
function alive(clock: PaperClockLike, isAlive: () => boolean) {
  const guard = (callback: () => void) => () => {
    if (isAlive()) callback();
  };
  return {
    nowMs: () => clock.nowMs(),
    after: (delayMs: number, callback: () => void, slackMs?: number) =>
      clock.after(delayMs, guard(callback), slackMs),
    soon: (callback: () => void) => clock.soon(guard(callback)),
  };
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

export function addressOf(text: string): Uint8Array {
  return parseAddress(text)!;
}
