/**
 * Our chains in the iptables backend where the host's rules are, also when that becomes another one. Shell.
 *
 * The new ones are written first and the old ones removed then: meanwhile both are in force, and say the
 * same. Old ones go as well after a restart that chose otherwise than the run before. When the new ones
 * cannot be written the old ones stay.
 *
 * A move needs two looks in a row, a resync apart, that find others in the other backend alone: whoever restarts
 * may have taken his rules away for a moment.
 */
import type {Clock} from '../datastore/clock.js';
import type {Chain} from '../desired/nat.js';
import {type OpenedIptables, lookForOthers} from '../kernel/iptables.js';
import {type NatReport, reconcileNat} from './nat.js';

/** While others are in our backend: iptables-save of a large host costs half a second. */
const PASSES_BETWEEN_LOOKS = 5;

export interface ChainKeeperOptions {
  readonly openIptables: () => Promise<OpenedIptables>;
  readonly onMove: (opened: OpenedIptables) => void;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly resyncMs: number;
}

export class ChainKeeper {
  readonly #options: ChainKeeperOptions;
  #opened: OpenedIptables | undefined;
  #isOtherClean = false;
  #passesToLook = 1;
  #desertedSinceMs: number | undefined; // as each look since then found

  constructor(options: ChainKeeperOptions) {
    this.#options = options;
  }

  /** @throws IptablesError when no backend can be used. */
  async reconcile(chains: readonly Chain[]): Promise<NatReport> {
    const {iptables, other} = await this.#choose();
    const report = await reconcileNat(iptables, chains);
    if (!this.#isOtherClean && report.failed.size === 0) {
      this.#isOtherClean = (await reconcileNat(other, [])).failed.size === 0;
    }
    return report;
  }

  async #choose(): Promise<OpenedIptables> {
    if (this.#opened === undefined) return (this.#opened = await this.#options.openIptables());
    const opened = this.#opened;
    if (opened.isConfigured || --this.#passesToLook > 0) return opened;
    const company = await lookForOthers(opened);
    this.#passesToLook = company === 'shared' ? PASSES_BETWEEN_LOOKS : 1;
    return this.#isDeserted(company === 'deserted') ? this.#move(opened) : opened;
  }

  #isDeserted(seemsSo: boolean): boolean {
    const {clock, resyncMs} = this.#options;
    const nowMs = clock.nowMs();
    const sinceMs = this.#desertedSinceMs;
    this.#desertedSinceMs = seemsSo ? (sinceMs ?? nowMs) : undefined;
    return seemsSo && sinceMs !== undefined && nowMs - sinceMs >= resyncMs;
  }

  #move({iptables, other, isConfigured}: OpenedIptables): OpenedIptables {
    const reason = `rules of others are in ${other.backend} alone`;
    this.#opened = {iptables: other, other: iptables, reason, isConfigured};
    this.#isOtherClean = false;
    this.#desertedSinceMs = undefined;
    this.#options.onMove(this.#opened);
    return this.#opened;
  }
}
