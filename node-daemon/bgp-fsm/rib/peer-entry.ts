/** What the RIB keeps of a peer: what both sides look at, and what each side alone does. Pure to the outside. */
import {formatAddress} from '../wire/address.js';
import type {UpdateReader} from '../wire/update.js';
import {FAMILIES, type Family} from '../wire/family.js';
import type {PathPeer} from './decide.js';
import type {Source} from './export.js';
import type {ExportGroup} from './export-group.js';
import type {ImportFacts} from './import.js';
import {LOCAL} from './paths.js';
import type {PeerOut} from './peer-out.js';
import type {PeerIx, PeerPolicy, RibOptions, RibSession} from './types.js';

export class PeerEntry {
  readonly ix: PeerIx;
  readonly address: Uint8Array;
  readonly addressText: string;
  policy: PeerPolicy;
  session: RibSession | undefined; // the one that is up
  last: RibSession | undefined; // that one, or the one before: its routes may still be here

  // adj-ribs-in.ts
  reader: UpdateReader | undefined;
  kind = 0; // of its attribute sets
  readonly isNearLimit: Record<Family, boolean> = {ipv4: false, ipv6: false};
  isOffLinkTold = false; // of this session

  // stale.ts
  readonly epochs: Record<Family, number> = {ipv4: 1, ipv6: 1};
  /** The epoch before which nothing is left. */
  readonly sweptEpochs: Record<Family, number> = {ipv4: 1, ipv6: 1};

  // adj-ribs-out.ts
  group: ExportGroup | undefined;
  holdsEndOfRib = false;
  readonly outs: Partial<Record<Family, PeerOut>> = {};

  #pathPeer: PathPeer | undefined;
  #describes: RibSession | undefined;
  #source: Source | undefined;
  #facts: ImportFacts | undefined;

  constructor(ix: PeerIx, address: Uint8Array, policy: PeerPolicy) {
    this.ix = ix;
    this.address = address;
    this.addressText = formatAddress(address);
    this.policy = policy;
  }

  /** One object as long as it says the same. */
  get pathPeer(): PathPeer {
    const {last, address, policy} = this;
    const isLinkBound = last?.isDirect === true && !last.negotiated.internal;
    const needsLink = isLinkBound && policy.nextHopsOnLink;
    const known = this.#pathPeer;
    if (known?.needsLink === needsLink && this.#describes === last) return known;
    this.#describes = last;
    return (this.#pathPeer = {
      internal: last?.negotiated.internal ?? false,
      identifier: last?.negotiated.peerIdentifier ?? 0,
      ...{address, ifindex: last?.ifindex ?? 0, needsLink},
    });
  }

  get source(): Source {
    const {internal, identifier} = this.pathPeer;
    const isClient = this.policy.reflectorClient;
    const kind = internal ? 'internal' : 'external';
    const known = this.#source;
    if (known?.kind === kind && known.isClient === isClient && known.identifier === identifier) {
      return known;
    }
    return (this.#source = {kind, isClient, identifier});
  }

  /** Undefined: it had no session yet. */
  factsFor(options: RibOptions): ImportFacts | undefined {
    const {policy, last} = this;
    const known = this.#facts;
    if (known?.policy === policy && known.session === last && known.options === options) {
      return known;
    }
    return (this.#facts = last && {options, policy, session: last});
  }

  /** Closes what was with the peer. */
  closeOuts(): void {
    for (const family of FAMILIES) {
      this.outs[family]?.close();
      delete this.outs[family];
    }
  }
}

/** All of them by number, in the order in which they came. */
export class PeerEntries {
  readonly #entries = new Map<PeerIx, PeerEntry>();
  #nextIx = LOCAL + 1; // never given twice

  add(address: Uint8Array, policy: PeerPolicy): PeerEntry {
    const entry = new PeerEntry(this.#nextIx++, address, policy);
    this.#entries.set(entry.ix, entry);
    return entry;
  }

  delete(ix: PeerIx): void {
    this.#entries.delete(ix);
  }

  find(ix: PeerIx): PeerEntry | undefined {
    return this.#entries.get(ix);
  }

  /** @throws Error when there is none: whoever asks has it from addPeer(). */
  of(ix: PeerIx): PeerEntry {
    const entry = this.#entries.get(ix);
    if (entry === undefined) throw new Error(`no peer ${ix}`);
    return entry;
  }

  values(): Iterable<PeerEntry> {
    return this.#entries.values();
  }
}

/** What of a policy decides over paths that came in; a change makes all of them judged again. */
export function importKey(policy: PeerPolicy): string {
  const {importPolicy, localAs, allowAsIn, enforceFirstAs, role, defaultLocalPref} = policy;
  const {maxAsPath, maxCommunities} = policy;
  const ofPolicy = importPolicy === undefined ? null : importPolicy.id;
  const ofAs = [localAs, allowAsIn, enforceFirstAs, role];
  return JSON.stringify([ofPolicy, ofAs, defaultLocalPref, maxAsPath, maxCommunities]);
}
