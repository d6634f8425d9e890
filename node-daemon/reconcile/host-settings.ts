/**
 * Keeps the host's iptables chains and sysctls as pod traffic needs them. Shell.
 *
 * One pass at a time; a wish that comes during a pass starts another. Chains are left alone until
 * etcd has told all pools once: a chain without a pool would translate traffic between pods.
 */
import type {HostWish} from '../desired/host-wish.js';
import {desireChains} from '../desired/nat.js';
import {desireSysctls} from '../desired/sysctls.js';
import type {OpenedIptables} from '../kernel/iptables.js';
import type {SysctlKernel} from '../kernel/sysctl.js';
import type {Clock, Timer} from '../datastore/clock.js';
import {ChainKeeper} from './chain-keeper.js';
import {reconcileSysctls, type SysctlChange} from './sysctls.js';

export interface HostPass {
  readonly desired: number; // chains and sysctls
  readonly chainsWritten: number;
  readonly sysctlsWritten: readonly SysctlChange[];
  readonly failed: ReadonlyMap<string, Error>;
  readonly endedAtMs: number; // on the clock
  readonly durationMs: number;
}

export interface HostSettingsOptions {
  readonly openIptables: () => Promise<OpenedIptables>;
  /** Our chains go to the other backend from now on. */
  readonly onMove: (opened: OpenedIptables) => void;
  readonly sysctls: SysctlKernel;
  readonly wish: () => HostWish;
  readonly clock: Clock;
  readonly resyncMs: number;
  readonly onPass: (pass: HostPass) => void;
  readonly onBug: (error: unknown) => void;
}

const RETRY_MS = 1000;

export class HostSettings {
  readonly #options: HostSettingsOptions;
  readonly #chains: ChainKeeper;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #timer: Timer | undefined;
  #last: HostPass | undefined;

  constructor(options: HostSettingsOptions) {
    this.#options = options;
    this.#chains = new ChainKeeper(options);
  }

  get last(): HostPass | undefined {
    return this.#last;
  }

  /** Resolves when a pass that began now or later has ended. */
  async run(): Promise<void> {
    if (this.#stopped) return;
    if (this.#running === undefined) {
      this.#running = this.#pass().finally(() => (this.#running = undefined));
      return this.#running;
    }
    this.#again = true;
    await this.#running;
    if (this.#again) {
      this.#again = false;
      return this.run();
    }
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #pass(): Promise<void> {
    const {clock, resyncMs, onPass, onBug} = this.#options;
    this.#timer?.cancel();
    const startedMs = clock.nowMs();
    try {
      const done = await this.#reconcile();
      const endedAtMs = clock.nowMs();
      this.#last = {...done, endedAtMs, durationMs: endedAtMs - startedMs};
      onPass(this.#last);
    } catch (error) {
      onBug(error);
    }
    if (this.#stopped) return;
    const delayMs = (this.#last?.failed.size ?? 1) > 0 ? Math.min(RETRY_MS, resyncMs) : resyncMs;
    this.#timer = clock.after(delayMs, () => void this.run());
  }

  async #reconcile(): Promise<Omit<HostPass, 'endedAtMs' | 'durationMs'>> {
    const wish = this.#options.wish();
    const wanted = desireSysctls(wish.sysctls);
    const settings = await reconcileSysctls(this.#options.sysctls, wanted);
    const failed = new Map<string, Error>(settings.failed);
    const {pools} = wish;
    const chains =
      pools && (['ipv4', 'ipv6'] as const).flatMap(family => desireChains({family, pools}));
    let chainsWritten = 0;
    if (chains !== undefined) {
      try {
        const report = await this.#chains.reconcile(chains);
        chainsWritten = report.applied;
        for (const [key, error] of report.failed) failed.set(key, error);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        failed.set('iptables', error);
      }
    }
    const desired = wanted.length + (chains?.length ?? 0);
    return {desired, chainsWritten, sysctlsWritten: settings.applied, failed};
  }
}
