/** The records in etcd, told to the state as they change. Shell. */
import {nameClaimsPrefix, openEtcd} from '#ipam';
import {systemClock} from '../datastore/clock.js';
import {Departures} from '../datastore/departures.js';
import {nodesPrefix} from '../datastore/records/keys.js';
import {Reflector, type Change} from '../datastore/reflector.js';
import {reflectedPrefixes, toStoreEvents} from '../datastore/store-event.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface RecordsPart extends Part {
  readonly reflector: Reflector;
}

/** A node between two leases writes its record again well within it. */
const DEPARTURE_GRACE_MS = 3000;

export function createRecords({config, core, etcd, log, news, report}: Context): RecordsPart {
  const {prefix} = config.etcd;
  const departures = new Departures({
    clock: systemClock,
    graceMs: DEPARTURE_GRACE_MS,
    concerns: key => key.startsWith(nodesPrefix(prefix)),
    onGone: events => core.dispatch({kind: 'store', events}),
  });
  const claimsPrefix = nameClaimsPrefix(prefix, config.node.name);
  const reflector = new Reflector({
    openClient: () => openEtcd(etcd),
    prefixes: [...reflectedPrefixes(prefix), claimsPrefix],
    onChanges(all, isListed) {
      const isClaim = (change: Change) => keyOf(change).startsWith(claimsPrefix);
      const claims = all.filter(isClaim);
      if (claims.length > 0) news.nameClaims.emit(claims);
      if (claims.length === all.length && !isListed) return;
      const changes = all.filter(change => !isClaim(change));
      const events = toStoreEvents(prefix, changes, isListed);
      core.dispatch({kind: 'store', events: departures.pass(events)});
      report.etcdRead(reflector.status().revision);
      news.records.emit(events);
    },
    onDoubt: error => report.etcdAway(error),
    onRegress: (from, to) =>
      log.warn({from, to}, 'etcd was wiped or restored; what it lacks is kept for a while'),
  });
  news.moved.on(() => reflector.renew());
  return {
    reflector,
    start: () => reflector.start(),
    stop() {
      reflector.stop();
      departures.stop();
    },
  };
}

function keyOf(change: Change): string {
  return change.kind === 'put' ? change.entry.key : change.key;
}
