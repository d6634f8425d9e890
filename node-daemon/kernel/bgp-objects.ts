/**
 * Which of the objects with our protocol number are routes learnt by BGP and what they need. Pure.
 *
 * Two parts of the daemon write routes and nexthops of protocol 84: the reconcilers (overlay, pods) and
 * BGP. A metric and a range of ids tell whose an object is; neither part touches the other's. The
 * reasons are in docs/decisions/0004.
 */
import {PROTOCOL_TWILL} from './port.js';

/** Behind every route of pods, overlay and people, so that none of those is ever taken over. */
export const METRIC_BGP = 2084;

/** As dumps leave them out: there may be a million. */
export const bgpRoutes = {protocol: PROTOCOL_TWILL, metric: METRIC_BGP};

/** The overlay's nexthops have ids from 84 · 2^24 on (reconcile/mirror.ts). */
export const firstBgpNexthopId = 85 * 2 ** 24;
export const lastBgpNexthopId = firstBgpNexthopId + 2 ** 24 - 1;

export function isBgpMetric(metric: number | undefined): boolean {
  return metric === METRIC_BGP;
}

/** As a reconciler sees it; the main table is understood. */
export function isBgpRoute(route: {readonly protocol: number; readonly metric: number}): boolean {
  return route.protocol === PROTOCOL_TWILL && isBgpMetric(route.metric);
}

export function isBgpNexthopId(id: number): boolean {
  return id >= firstBgpNexthopId && id <= lastBgpNexthopId;
}
