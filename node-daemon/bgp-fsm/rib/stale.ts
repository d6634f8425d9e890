/**
 * Paths that their peer may no longer stand by. They stay, stale, until it has repeated them or is given up
 * (RFC 4724, and RFC 7313 for a refresh), and for longer where that is agreed (RFC 9494). Pure over the
 * tables it is given.
 *
 * A path is stale when it was last heard in an epoch of its peer that is over.
 */
import {LLGR_STALE, LLGR_STALE_COMMUNITY, NO_LLGR, type AttributeSets} from './attribute-sets.js';
import type {FamilyRib} from './family-rib.js';
import type {Row} from './paths.js';
import type {PeerEntry} from './peer-entry.js';

/** All that is here of the peer is stale from now on. */
export function markStale({family}: FamilyRib, {epochs}: PeerEntry): void {
  epochs[family]++;
}

export function deleteStale(rib: FamilyRib, {ix, epochs, sweptEpochs}: PeerEntry): void {
  const epoch = epochs[rib.family];
  sweptEpochs[rib.family] = epoch;
  rib.removePaths(ix, row => rib.paths.epoch(row) < epoch);
}

export function countStale({family, paths}: FamilyRib, peer: PeerEntry): number {
  const epoch = peer.epochs[family];
  if (epoch === peer.sweptEpochs[family]) return 0;
  let count = 0;
  for (const row of paths.ofPeer(peer.ix)) if (paths.epoch(row) < epoch) count++;
  return count;
}

/** Stale paths are from now on the last to be chosen; those that must not outlive the session go. */
export function attachLongLived(rib: FamilyRib, peer: PeerEntry, sets: AttributeSets): void {
  const {paths} = rib;
  const epoch = peer.epochs[rib.family];
  for (const row of paths.ofPeer(peer.ix)) {
    if (paths.epoch(row) >= epoch) continue;
    if ((sets.flags(paths.raw(row)) & NO_LLGR) !== 0) rib.removePath(row);
    else markLongLived(rib, row, sets);
  }
}

/** LLGR_STALE, on what import left of the path; nothing happens when that is nothing. */
export function markLongLived(rib: FamilyRib, row: Row, sets: AttributeSets): void {
  const {paths} = rib;
  const effective = paths.effective(row);
  if (effective === 0) return;
  const attributes = sets.attributes(effective);
  const {communities = []} = attributes;
  if (communities.includes(LLGR_STALE_COMMUNITY)) return;
  const marked = {...attributes, communities: [...communities, LLGR_STALE_COMMUNITY]};
  const set = sets.internOwn(marked, sets.nextHop(effective));
  const [raw, epoch] = [paths.raw(row), paths.epoch(row)];
  rib.setPath(row, {raw, effective: set, reason: 0, epoch});
}

/** The mark is on what import left, not on what came: whoever judges that anew has to put it on again. */
export function isMarkedByUs({paths}: FamilyRib, row: Row, sets: AttributeSets): boolean {
  const effective = paths.effective(row);
  if (effective === 0) return false;
  return (sets.flags(effective) & ~sets.flags(paths.raw(row)) & LLGR_STALE) !== 0;
}
