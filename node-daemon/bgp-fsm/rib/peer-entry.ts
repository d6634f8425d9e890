/** What the RIB keeps of a peer. Pure. */
import {UpdateReader} from '../wire/update.js';
import {FAMILIES, type Family} from '../wire/family.js';
import type {PathPeer} from './decide.js';
import type {ExportGroup} from './export-group.js';
import type {PeerOut} from './peer-out.js';
import type {PeerIx, PeerPolicy, RibSession} from './types.js';

export class PeerEntry {
  readonly ix: PeerIx;
  readonly address: Uint8Array;
  policy: PeerPolicy;
  session: RibSession | undefined; // the one that is up
  last: RibSession | undefined; // that one, or the one before: its routes may still be here
  reader: UpdateReader | undefined;
  kind = 0; // of its attribute sets
  group: ExportGroup | undefined;
  holdsEndOfRib = false;
  readonly epochs: Record<Family, number> = {ipv4: 1, ipv6: 1};
  readonly outs: Partial<Record<Family, PeerOut>> = {};
  readonly isNearLimit: Record<Family, boolean> = {ipv4: false, ipv6: false};

  constructor(ix: PeerIx, address: Uint8Array, policy: PeerPolicy) {
    this.ix = ix;
    this.address = address;
    this.policy = policy;
  }

  get pathPeer(): PathPeer {
    const {last, address} = this;
    return {
      internal: last?.negotiated.internal ?? false,
      identifier: last?.negotiated.peerIdentifier ?? 0,
      address,
      ifindex: last?.ifindex ?? 0,
    };
  }

  /** Closes what was with the peer. */
  closeOuts(): void {
    for (const family of FAMILIES) {
      this.outs[family]?.close();
      delete this.outs[family];
    }
  }
}

/** What of a policy decides over paths that came in; a change makes all of them judged again. */
export function importKey(policy: PeerPolicy): string {
  const {importPolicy, localAs, allowAsIn, enforceFirstAs, role, defaultLocalPref} = policy;
  const ofPolicy = importPolicy === undefined ? null : importPolicy.id;
  return JSON.stringify([ofPolicy, localAs, allowAsIn, enforceFirstAs, role, defaultLocalPref]);
}
