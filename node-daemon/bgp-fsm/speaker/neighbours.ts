/**
 * Who the neighbours are: the configured ones, and those that came from inside a range. Finds the owner
 * of a connection, and turns one configuration into the next with the least that must happen.
 */
import {contains, parseAddress, parseCidr, type Cidr} from '../wire/address.js';
import type {PeerConfig, PeerRange, SpeakerConfig} from './config.js';
import {describeKeyDrops} from './down-words.js';
import type {Waiting} from './key-watch.js';
import {idOfPeer, idOfRange} from './neighbour-id.js';
import {isSameNeighbour} from './peer-change.js';
import {PeerRunner, type PeerHost} from './peer-runner.js';
import {PeerWords} from './peer-words.js';
import type {Connection, KeyDrops, RemoteEnd} from './ports.js';
import type {Absence, RangeStatus} from './status.js';
import {Timers} from './timers.js';

const LINGER_MS = 60_000; // of a neighbour from a range that was established once
const STRANGER_MS = 1_000; // of one that never was: a port scan must not fill the range

export interface NeighbourListener {
  /** The name stands for nobody any more. */
  removed(name: string): void;
}

export class Neighbours {
  readonly #host: PeerHost;
  readonly #listener: NeighbourListener;
  readonly #configured = new Map<string, PeerRunner>();
  readonly #dynamic = new Map<string, {readonly runner: PeerRunner; readonly range: string}>();
  readonly #timers: Timers<string>;
  #byPlace: ReadonlyMap<string, readonly PeerRunner[]> = new Map(); // of the configured ones
  readonly #rangeWords = new Map<string, PeerWords>();
  #ranges: readonly (PeerRange & {readonly prefix: Cidr})[] = [];

  constructor(host: PeerHost, listener: NeighbourListener) {
    this.#host = host;
    this.#listener = listener;
    this.#timers = new Timers(host.ports.clock);
  }

  get all(): readonly PeerRunner[] {
    return [...this.#configured.values(), ...[...this.#dynamic.values()].map(each => each.runner)];
  }

  get ranges(): readonly RangeStatus[] {
    return this.#ranges.map(({prefix: _prefix, ...config}) => {
      const members = this.#membersOf(config);
      const established = members.filter(runner => runner.isEstablished).length;
      const lastError = this.#rangeWords.get(config.name)?.status().lastError;
      return {config, peers: members.length, established, lastError};
    });
  }

  /** Who has to be dialled, and has no session. A range: when nobody from it has one. */
  waiting(): readonly Waiting[] {
    const ranges = this.#ranges.filter(
      range =>
        range.shutdown === undefined &&
        !this.#membersOf(range).some(({isEstablished}) => isEstablished),
    );
    return [
      ...this.all.filter(({isWaiting}) => isWaiting),
      ...ranges.map(range => ({keyDropped: (drops: KeyDrops) => this.#keyDropped(range, drops)})),
    ];
  }

  /** A range is away when all who dialled from it are. */
  absence(): Omit<Absence, 'isOver'> {
    const isGone = (runner: PeerRunner) => !runner.isEstablished && !runner.keepsRoutes;
    const present = new Set(
      [...this.#dynamic.values()].filter(({runner}) => !isGone(runner)).map(({range}) => range),
    );
    const {all} = this;
    const peers = all.filter(isGone).map(({config}) => idOfPeer(config));
    const ranges = this.#ranges.filter(({name}) => !present.has(name)).map(idOfRange);
    const isAnyKept = all.some(runner => !runner.isEstablished && runner.keepsRoutes);
    return {away: [...peers, ...ranges], isAnyKept};
  }

  get(name: string): PeerRunner | undefined {
    return this.#configured.get(name) ?? this.#dynamic.get(name)?.runner;
  }

  isDynamic(runner: PeerRunner): boolean {
    return this.#dynamic.get(runner.name)?.runner === runner;
  }

  configure({peers, ranges}: Pick<SpeakerConfig, 'peers' | 'ranges'>): void {
    this.#configurePeers(peers);
    this.#ranges = ranges
      .flatMap(range => {
        const prefix = parseCidr(range.cidr);
        return prefix === undefined ? [] : [{...range, prefix}];
      })
      .sort((a, b) => b.prefix.bits - a.prefix.bits); // the longest counts
    for (const name of this.#rangeWords.keys()) {
      if (!ranges.some(range => range.name === name)) this.#rangeWords.delete(name);
    }
    for (const {runner} of this.#dynamic.values()) this.#reconfigure(runner);
  }

  /** Whose the connection is; a neighbour that comes from a range is made for it. */
  ownerOf({remote, localAddress}: Connection): PeerRunner | undefined {
    const local = localAddress.join();
    const candidates = this.#byPlace.get(placeOf(remote)) ?? [];
    const configured =
      candidates.find(({config}) => sourceOf(config) === local) ??
      candidates.find(({config}) => config.sourceAddress === undefined) ??
      candidates[0];
    return configured ?? this.#fromRange(remote);
  }

  /** A neighbour from a range that nothing holds any more goes, some time later. */
  relax(runner: PeerRunner): void {
    if (!this.isDynamic(runner)) return;
    if (runner.isEstablished) {
      this.#rangeWords.get(this.#dynamic.get(runner.name)?.range ?? '')?.up();
      this.#timers.stop(runner.name);
      return;
    }
    const delayMs = runner.wasEstablished ? LINGER_MS : STRANGER_MS;
    this.#timers.start(runner.name, delayMs, () => {
      if (runner.isIdle) this.#removeDynamic(runner);
      else this.relax(runner);
    });
  }

  stop(): void {
    this.#timers.stopAll();
  }

  #keyDropped(range: PeerRange, drops: KeyDrops): void {
    const words = describeKeyDrops(range, drops);
    if (words === undefined) return;
    const {name} = range;
    const known = this.#rangeWords.get(name) ?? new PeerWords(this.#host.ports.clock);
    this.#rangeWords.set(name, known);
    if (known.suspect(words)) {
      this.#host.ports.log('warn', 'nobody came in from a range', {range: name, words});
    }
  }

  #configurePeers(peers: readonly PeerConfig[]): void {
    const wanted = new Map(peers.map(peer => [peer.name, peer]));
    for (const [name, runner] of this.#configured) {
      const next = wanted.get(name);
      if (next !== undefined && isSame(runner, next)) continue;
      runner.remove();
      this.#configured.delete(name);
      this.#listener.removed(name);
    }
    for (const [name, config] of wanted) {
      const runner = this.#configured.get(name);
      if (runner !== undefined) runner.configure(config);
      else this.#add(config);
    }
    const byPlace = new Map<string, PeerRunner[]>();
    for (const runner of this.#configured.values()) {
      const place = placeOf(runner.config);
      byPlace.set(place, [...(byPlace.get(place) ?? []), runner]);
    }
    this.#byPlace = byPlace;
  }

  #add(config: PeerConfig): void {
    const address = parseAddress(config.address);
    if (address === undefined) {
      this.#host.ports.log('error', 'no address', {peer: config.name, address: config.address});
      return;
    }
    const runner = new PeerRunner(config, address, this.#host);
    this.#configured.set(config.name, runner);
    runner.start();
  }

  #reconfigure(runner: PeerRunner): void {
    const {address, interface: link} = runner.config;
    const range = this.#rangeOf(parseAddress(address) ?? new Uint8Array(0));
    const isConfigured = this.#byPlace.has(placeOf(runner.config));
    const next = range && memberOf(range, address, link);
    const isGone = isConfigured || next?.name !== runner.name || !isSame(runner, next);
    if (isGone) this.#removeDynamic(runner);
    else runner.configure(next);
  }

  #fromRange(remote: RemoteEnd): PeerRunner | undefined {
    const range = this.#rangeOf(remote.octets);
    if (range === undefined || range.shutdown !== undefined) return undefined;
    const config = memberOf(range, remote.address, remote.interface);
    const known = this.#dynamic.get(config.name);
    if (known !== undefined) return known.runner;
    if (this.#membersOf(range).length >= range.maxPeers) {
      this.#host.ports.log('warn', 'range is full', {range: range.name, address: remote.address});
      return undefined;
    }
    const runner = new PeerRunner(config, remote.octets, this.#host);
    this.#dynamic.set(config.name, {runner, range: range.name});
    runner.start();
    this.relax(runner);
    return runner;
  }

  #membersOf({name}: PeerRange): readonly PeerRunner[] {
    return [...this.#dynamic.values()]
      .filter(({range}) => range === name)
      .map(({runner}) => runner);
  }

  #rangeOf(address: Uint8Array) {
    return this.#ranges.find(({prefix}) => contains(prefix, address));
  }

  #removeDynamic(runner: PeerRunner): void {
    this.#timers.stop(runner.name);
    this.#dynamic.delete(runner.name); // first: its last changes of state are nothing to us
    runner.remove();
    this.#listener.removed(runner.name);
  }
}

function memberOf(range: PeerRange, address: string, link: string | undefined): PeerConfig {
  const zoned = link === undefined ? address : `${address}%${link}`;
  const name = `${range.name}/${zoned}`;
  return {...range, name, address, interface: link, port: 0, passive: true};
}

/** Two neighbours may be at one place, and dial different addresses of ours. */
function placeOf({address, interface: link}: Pick<PeerConfig, 'address' | 'interface'>): string {
  return `${address} ${link ?? ''}`;
}

function sourceOf({sourceAddress}: PeerConfig): string | undefined {
  return sourceAddress === undefined ? undefined : parseAddress(sourceAddress)?.join();
}

function isSame({config, peerAsn}: PeerRunner, next: PeerConfig): boolean {
  return isSameNeighbour(config, next, peerAsn);
}
