/**
 * Which sessions have settled: Established, all routes told, and that for some seconds, so that what
 * came by them has gone on to whoever needs it. Pure; the clock is the caller's.
 */
import type {Family, PeerStatus} from '#bgp-fsm';
import type {Settled} from './input.js';
import {nodePeerName} from './peer-names.js';

export interface SessionFact {
  readonly name: string;
  readonly isEstablished: boolean;
  readonly inStateMs: number;
  readonly families: readonly Family[];
  readonly heard: readonly Family[]; // whose End-of-RIB came
}

export function toSessionFact(status: PeerStatus): SessionFact {
  const {config, state, inStateMs, negotiated, heard} = status;
  const families = negotiated?.families ?? [];
  return {name: config.name, isEstablished: state === 'Established', inStateMs, families, heard};
}

const SETTLE_MS = 10_000;
/** End-of-RIB is a MUST of graceful restart only (RFC 4724 §2); some never send it. */
const WITHOUT_END_OF_RIB_MS = 60_000;

const RECHECK_MS = 5000; // End-of-RIB may come at any time

export class SettledPeers {
  readonly #reflectsSinceMs = new Map<string, number>();

  /** `reflectors`: nodes whose records say that they are. `again`: when to ask once more at the latest. */
  look(
    nowMs: number,
    sessions: readonly SessionFact[],
    reflectors: ReadonlySet<string>,
  ): Settled & {readonly againMs: number | undefined} {
    this.#noteReflectors(nowMs, reflectors);
    const peers = new Set<string>();
    const waits: number[] = [];
    for (const session of sessions) {
      if (!session.isEstablished) continue;
      const waitMs = neededMs(session) - session.inStateMs;
      if (waitMs <= 0) peers.add(session.name);
      else waits.push(Math.min(waitMs, Math.max(SETTLE_MS - session.inStateMs, RECHECK_MS)));
    }
    const settled = new Set<string>();
    for (const [name, sinceMs] of this.#reflectsSinceMs) {
      const waitMs = sinceMs + SETTLE_MS - nowMs;
      if (waitMs > 0) waits.push(waitMs);
      else if (peers.has(nodePeerName(name))) settled.add(name);
    }
    return {peers, reflectors: settled, againMs: waits.length > 0 ? Math.min(...waits) : undefined};
  }

  #noteReflectors(nowMs: number, reflectors: ReadonlySet<string>): void {
    for (const name of this.#reflectsSinceMs.keys()) {
      if (!reflectors.has(name)) this.#reflectsSinceMs.delete(name);
    }
    for (const name of reflectors) {
      if (!this.#reflectsSinceMs.has(name)) this.#reflectsSinceMs.set(name, nowMs);
    }
  }
}

function neededMs({families, heard}: SessionFact): number {
  return families.every(family => heard.includes(family)) ? SETTLE_MS : WITHOUT_END_OF_RIB_MS;
}
