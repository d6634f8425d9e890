/**
 * Gauges and counters of BGP, read from the speaker when scraped. Shell around prom-client.
 *
 * A full mesh makes these for each of a thousand peers, so a peer has about 25 lines and no more: its state is
 * one number, that of bgpPeerState (RFC 4273).
 */
import {Counter, Gauge, type Registry} from 'prom-client';
import type {BgpOverview} from '../bgp/api.js';

const states = ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established'];
const families = ['ipv4', 'ipv6'] as const;

/** Undefined: no speaker runs here, and no line is shown. */
export type UpdateBgp = (overview: BgpOverview | undefined) => void;

export function createBgpMetrics(registry: Registry): UpdateBgp {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[]) =>
    new Gauge({name: `twill_bgp_${name}`, help, labelNames, registers});
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({name: `twill_bgp_${name}`, help, labelNames, registers});

  const state = gauge(
    'peer_state',
    'Session: 1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, 6 Established (RFC 4273)',
    ['peer', 'address', 'asn'],
  );
  const up = gauge('peer_up_seconds', 'How long the session is established; 0: it is not', [
    'peer',
  ]);
  const flaps = counter('peer_flaps_total', 'Sessions that were established and ended', ['peer']);
  const failures = gauge('peer_failed_attempts', 'Failed attempts since the last start', ['peer']);
  const messages = counter('peer_messages_total', 'Messages by direction and type', [
    ...['peer', 'direction', 'type'],
  ]);
  const faulty = counter('peer_faulty_updates_total', 'UPDATEs that RFC 7606 let pass in part', [
    'peer',
  ]);
  const prefixes = gauge('peer_prefixes', 'Paths, by what is said of them', [
    ...['peer', 'family', 'are'],
  ]);
  const bfd = gauge('peer_bfd_up', 'BFD: 1 Up, 0 not; absent: none runs', ['peer']);
  const error = gauge(
    'peer_last_error_timestamp_seconds',
    'When the last attempt or session failed, and why',
    ['peer', 'reason'],
  );
  const restarting = gauge('restarting', '1 until the restart of this speaker is over', []);
  const routes = gauge('routes', 'Learnt routes: selected, in the kernel, left by a restart', [
    ...['family', 'are'],
  ]);
  const refused = gauge(
    'routes_refused',
    'Changes that the kernel refuses and that are retried',
    [],
  );
  const withheld = gauge(
    'withheld_peers',
    'Peers that are configured and not made; the problems of the node say why',
    [],
  );
  const kept = gauge(
    'kept_peers',
    'Peers that are configured no more, until they are replaced',
    [],
  );
  const all = [
    ...[state, up, flaps, failures, messages, faulty, prefixes, bfd, error],
    ...[restarting, routes, refused, withheld, kept],
  ];

  return overview => {
    for (const metric of all) metric.reset(); // a peer that went leaves no line behind
    if (overview === undefined) {
      for (const single of [restarting, refused, withheld, kept]) single.remove();
      return;
    }
    const {restart, peers, kernel, wish} = overview;
    restarting.set(Number(!restart.isOver));
    refused.set(kernel.refused);
    withheld.set(wish.withheld.length);
    kept.set(wish.kept.length);
    for (const family of families) {
      const {wanted, held, stale} = kernel.routes[family];
      routes.set({family, are: 'selected'}, wanted);
      routes.set({family, are: 'installed'}, held);
      routes.set({family, are: 'stale'}, stale);
    }
    const nowSeconds = Math.floor(Date.now() / 1000);
    for (const {name: peer, ...view} of peers) {
      const isUp = view.state === 'Established';
      state.set(
        {peer, address: view.address, asn: String(view.asn ?? '')},
        states.indexOf(view.state) + 1,
      );
      up.set({peer}, isUp ? view.inStateSeconds : 0);
      flaps.inc({peer}, view.flaps);
      failures.set({peer}, view.failures);
      faulty.inc({peer}, view.faultyUpdates);
      for (const direction of ['received', 'sent'] as const) {
        for (const [type, count] of Object.entries(view.messages[direction])) {
          messages.inc({peer, direction, type}, count);
        }
      }
      for (const family of families) {
        for (const [are, count] of Object.entries(view.prefixes[family])) {
          prefixes.set({peer, family, are}, count);
        }
      }
      if (view.bfd !== undefined) bfd.set({peer}, Number(view.bfd.state === 'Up'));
      if (view.lastError === undefined) continue;
      const {message: reason, secondsAgo} = view.lastError;
      error.set({peer, reason}, nowSeconds - secondsAgo);
    }
  };
}
