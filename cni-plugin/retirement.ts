/**
 * The end of an attachment, whoever asks for it: DEL, GC, the undo of an ADD, recovery. Shell.
 *
 *    ready --retire()--> deleting --link gone--> released
 *                          |
 *      routes withdrawn and the journal durable: a DEL is answered here, the link's own deletion
 *      (20 ms of RCU grace period) is on its way
 *
 * The address goes back only when the link is known to be gone: at no moment do two interfaces
 * hold it. A crash in between leaves `deleting` in the journal, which recovery finishes.
 */
import type {AddressBook, Attachment, AttachmentKey} from '#ipam';
import {parseAddress} from '#ipam';
import type {NetlinkError, NetlinkSocket} from '#native-addon';
import type {LinkReaper} from './link-reaper.js';
import {attachmentKey} from './names.js';
import type {Clock, Problem} from './port.js';
import {withdrawRequests} from './wiring.js';

const RETRY_FIRST_MS = 250;
const RETRY_MAX_MS = 30_000;

export interface RetirementOptions {
  readonly book: AddressBook;
  readonly host: NetlinkSocket;
  readonly reaper: LinkReaper;
  readonly clock: Clock;
  report(problem: Problem): void;
}

export class Retirement {
  readonly #options: RetirementOptions;
  readonly #leaving = new Map<string, Promise<void>>();

  constructor(options: RetirementOptions) {
    this.#options = options;
  }

  /**
   * Resolves when traffic to the pod has ended and the decision is on disk.
   * @throws what the journal throws: the attachment is then as it was, but for its routes.
   */
  async retire(attachment: Attachment): Promise<void> {
    const key = attachmentKey(attachment.containerId, attachment.ifName);
    if (this.#leaving.has(key)) return;
    const {book} = this.#options;
    await Promise.all([book.markDeleting(attachment), this.#withdraw(attachment)]);
    if (this.#leaving.has(key)) return;
    this.#leaving.set(key, this.#finish(key, attachment));
  }

  /** Resolves when nothing of the attachment is left, or at once when it is not leaving. */
  async gone(key: string): Promise<void> {
    await this.#leaving.get(key);
  }

  /** Resolves when everything that is leaving now has left; undefined when nothing is. */
  everyoneGone(): Promise<void> | undefined {
    if (this.#leaving.size === 0) return undefined;
    return Promise.all(this.#leaving.values()).then(() => undefined);
  }

  async #finish(key: string, {containerId, ifName, hostInterface}: Attachment): Promise<void> {
    if (hostInterface !== '') await this.#options.reaper.reap(hostInterface);
    for (let attempt = 0; !(await this.#release(key, {containerId, ifName})); attempt++) {
      const delayMs = Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_MAX_MS);
      await new Promise<void>(resolve => this.#options.clock.after(delayMs, resolve));
    }
    this.#leaving.delete(key);
  }

  async #release(key: string, {containerId, ifName}: AttachmentKey): Promise<boolean> {
    try {
      await this.#options.book.release(containerId, ifName);
      return true;
    } catch (error) {
      this.#options.report({what: 'an address could not be released', key, error});
      return false;
    }
  }

  /** A route that stays goes with its link, so a refusal is only reported. */
  async #withdraw({containerId, ifName, hostInterface, addresses}: Attachment): Promise<void> {
    if (hostInterface === '') return;
    const octets = addresses.flatMap(text => parseAddress(text) ?? []);
    const errors = await this.#options.host.send(withdrawRequests(octets));
    const error = errors.find(isRefusal);
    if (error === undefined) return;
    const key = attachmentKey(containerId, ifName);
    this.#options.report({what: 'a host route could not be withdrawn', key, error});
  }
}

function isRefusal(error: NetlinkError | undefined): boolean {
  return error !== undefined && error.code !== 'ESRCH' && error.code !== 'ENODEV';
}
