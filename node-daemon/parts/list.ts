/**
 * All parts of the daemon, made and put in the order in which they start. Shell; nothing runs yet when
 * this is done.
 *
 *   etcd ── records ──> core (state, desired, reconcile) ──> kernel
 *   lease (ranges, own record) ──> journal, core          settings ──> iptables, sysctls
 *   cni ── journal ── pods ──> core                       endpoints ──> etcd
 */
import {OwnFacts} from '../bgp/own-facts.js';
import {RightOfWay} from '../bgp/right-of-way.js';
import {createApi} from './api.js';
import {createBgp} from './bgp.js';
import {createCni} from './cni.js';
import type {Context} from './context.js';
import {createEndpoints} from './endpoints.js';
import {createLease} from './lease.js';
import type {Part} from './part.js';
import {createPods} from './pods.js';
import {createProblemLog} from './problem-log.js';
import {createReadiness} from './readiness.js';
import {createRecords} from './records.js';
import {createSettings} from './settings.js';
import {createUnderlay} from './underlay.js';

export function createParts(context: Context): readonly Part[] {
  const pods = createPods(context);
  const underlay = createUnderlay(context);
  const records = createRecords(context);
  const {reflector} = records;
  const facts = new OwnFacts(context.config.stateDir);
  const leasing = createLease(context, facts);
  const {lease} = leasing;
  const endpoints = createEndpoints(context, lease);
  const settings = createSettings(context, lease);
  const underlayReason = underlay.reason;
  const readiness = createReadiness(context, {
    ...{lease, reflector, underlayReason},
    settings: settings.settings,
  });
  const verbs = new RightOfWay();
  const cni = createCni(context, {lease, underlayReason, isReady: readiness.isReady, verbs});
  const bgp = createBgp(context, facts, verbs);

  // The CNI verbs are served before etcd is asked: pods do not wait for it.
  const order = [
    pods,
    underlay,
    leasing,
    endpoints,
    settings,
    context.core,
    cni,
    records,
    bgp,
    readiness,
  ];
  const cniLife = cni.life;
  const api = createApi(context, {
    ...{lease, reflector, settings, readiness, cniLife, parts: order},
    bgp: bgp.bgp,
  });
  return [api, createProblemLog(context, order), ...order];
}
