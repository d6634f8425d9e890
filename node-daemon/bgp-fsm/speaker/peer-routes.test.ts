import test from 'ava';

import type {Negotiated} from '../fsm/negotiate.js';
import {octets, sessionOf} from '../rib/paper-rib.js';
import type {RibApi} from '../rib/types.js';
import {encodeRefresh} from '../wire/refresh.js';
import {PaperClock} from './paper-world.js';
import {PeerRoutes} from './peer-routes.js';
import type {Connection} from './ports.js';

/** Routes of one peer over a RIB that only notes what it is asked. */
function setUp() {
  const asked: string[] = [];
  const rib = new Proxy({} as RibApi, {
    get: (_, name) => {
      return (_peer: number, family: unknown) => {
        asked.push(typeof family === 'string' ? `${String(name)} ${family}` : String(name));
      };
    },
  });
  const routes = new PeerRoutes(
    1,
    rib,
    {
      helperLimits: () => ({maxRestartMs: 120_000, staleMs: 360_000, maxLongLivedMs: 0}),
      ...{holdsEndOfRib: () => false, endOfRib() {}, routesChanged() {}},
    },
    new PaperClock(),
  );
  const gracefulRestart = {
    ...{restarting: false, notification: false, restartTimeSeconds: 120},
    families: [{family: 'ipv4' as const, forwarding: true}],
  };
  const {negotiated} = sessionOf({asn: 65001, identifier: 1, change: {gracefulRestart}});
  const connection = {
    ...{localAddress: octets('192.0.2.1'), remote: {octets: octets('192.0.2.2')}},
    path: {ifindex: 0, isDirect: true, nextHops: {}},
  } as unknown as Connection;
  const hear = (kind: 'begin' | 'end') => {
    asked.length = 0;
    routes.refresh(encodeRefresh('ipv4', kind), 0);
    return asked;
  };
  return {routes, hear, negotiated: negotiated as Negotiated, connection};
}

test('a refresh of the peer has a beginning and an end', t => {
  const {routes, hear, negotiated, connection} = setUp();
  routes.up(connection, negotiated);
  t.deepEqual(hear('end'), [], 'of nothing');
  t.deepEqual(hear('begin'), ['beginRefresh ipv4']);
  t.deepEqual(hear('end'), ['endRefresh ipv4']);
  t.deepEqual(hear('end'), []);
  hear('begin');
  routes.down({kind: 'connectionLost'}, negotiated);
  routes.up(connection, {...negotiated, gracefulRestart: undefined});
  t.deepEqual(hear('end'), [], 'it was another session that began it');
});

test('RFC 7313 §4: while routes of before a restart are kept, neither counts', t => {
  const {routes, hear, negotiated, connection} = setUp();
  routes.up(connection, negotiated);
  routes.down({kind: 'connectionLost'}, negotiated);
  t.deepEqual(routes.stale, ['ipv4']);
  routes.up(connection, negotiated);
  t.deepEqual(hear('begin'), []);
  t.deepEqual(hear('end'), [], 'or it would sweep what End-of-RIB is to sweep');
});
