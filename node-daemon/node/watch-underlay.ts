/**
 * Keeps an eye on the interface that leads to other hosts. Shell.
 *
 * Looks anew when a global address changes anywhere, when the chosen interface changes, when one comes
 * up while none is chosen, and on a timer (routes are found by it). Pods' own links cause no look.
 */
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
  openMonitor,
  type NetlinkSocket,
} from '#native-addon';
import type {Clock, Timer} from '../datastore/clock.js';
import type {Underlay} from '../state/state.js';
import {detectUnderlay} from './detect-underlay.js';
import {mayMoveUnderlay} from './underlay-news.js';
import type {UnderlayChoice, UnderlaySettings} from './underlay.js';

export interface UnderlayWatchOptions {
  readonly socket: NetlinkSocket;
  readonly settings: UnderlaySettings;
  readonly clock: Clock;
  readonly resyncMs: number;
  /** A choice that differs from the last one; the first is always told. */
  readonly onChoice: (choice: UnderlayChoice) => void;
  readonly onError: (error: unknown) => void;
}

const DEBOUNCE_MS = 200;

export class UnderlayWatch {
  readonly #options: UnderlayWatchOptions;
  #chosen: Underlay | undefined;
  #told = '';
  #timer: Timer | undefined;
  #isSoon = false;
  #monitor: {close(): void} | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(options: UnderlayWatchOptions) {
    this.#options = options;
  }

  /** Resolves after the first look. @throws NetlinkError when the kernel cannot be listened to. */
  async start(): Promise<void> {
    this.#monitor = await openMonitor({
      groups: [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
      onMessage: message => {
        if (mayMoveUnderlay(message, this.#chosen)) this.#lookIn(DEBOUNCE_MS);
      },
      onResync: () => this.#lookIn(DEBOUNCE_MS),
      onError: error => this.#options.onError(error),
    });
    await this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#monitor?.close();
    this.#timer?.cancel();
    await this.#looking;
  }

  #lookIn(delayMs: number): void {
    if (this.#stopped || this.#isSoon) return;
    this.#timer?.cancel();
    this.#isSoon = delayMs === DEBOUNCE_MS;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#isSoon = false;
      if (this.#looking === undefined) void this.#look();
      else this.#lookIn(DEBOUNCE_MS); // the look under way may have asked before the news
    });
  }

  #look(): Promise<void> {
    this.#looking ??= this.#detect().finally(() => {
      this.#looking = undefined;
      this.#lookIn(this.#options.resyncMs);
    });
    return this.#looking;
  }

  async #detect(): Promise<void> {
    const {socket, settings, onChoice, onError} = this.#options;
    try {
      const choice = await detectUnderlay(socket, settings);
      this.#chosen = choice.kind === 'found' ? choice.underlay : undefined;
      const text = JSON.stringify(choice);
      if (text === this.#told || this.#stopped) return;
      this.#told = text;
      onChoice(choice);
    } catch (error) {
      if (!this.#stopped) onError(error);
    }
  }
}
