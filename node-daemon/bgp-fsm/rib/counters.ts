/** How many routes there are of a peer, and at it. Pure over the tables. */
import type {Family} from '../wire/family.js';
import type {FamilyRibs} from './family-rib.js';
import type {PeerEntry} from './peer-entry.js';
import {countStale} from './stale.js';
import type {PeerCounters} from './types.js';

export function countersOf(families: FamilyRibs, entry: PeerEntry): PeerCounters {
  const {ix, outs} = entry;
  const count = (of: (family: Family) => number) => ({ipv4: of('ipv4'), ipv6: of('ipv6')});
  return {
    received: count(family => families[family].paths.count(ix)),
    accepted: count(family => families[family].paths.accepted(ix)),
    best: count(family => families[family].bestCount(ix)),
    advertised: count(family => outs[family]?.count ?? 0),
    stale: count(family => countStale(families[family], entry)),
  };
}
