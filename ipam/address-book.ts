import {join} from 'node:path';
import {canonicalAddress, parseInterface, formatAddress, type Family} from './address.js';
import {
  attachmentId,
  type Allocation,
  type AllocationRequest,
  type Attachment,
  type AttachmentKey,
  type AttachmentState,
} from './attachment.js';
import {FileDisk, type JournalDisk} from './journal/disk.js';
import type {Ledger} from './journal/ledger.js';
import {openJournal, type Recovery} from './journal/open.js';
import type {JournalWriter} from './journal/writer.js';
import {RangeWalk, type Occupancy, type Range, type RangeUsage} from './range.js';

/**
 * The addresses of this host: who has which, chosen from the ranges the host holds, remembered in
 * <stateDir>/ipam.journal. Shell; the parts that decide are range.ts and journal/ledger.ts.
 *
 * A promise that resolves is a fact on disk. An address is marked in memory the moment it is
 * chosen, so that two requests under way cannot get the same one, and enters the ledger when its
 * record is durable; when the write fails it goes back. A released address is free only when the
 * release is durable. Requests for one (containerId, ifName) run one after the other; requests
 * of different ones overlap and share their flushes.
 *
 * Ranges do not belong to the journal: addresses of a range that is set no more stay with their
 * holders until released.
 */
export interface AddressBookOptions {
  readonly dir: string;
  readonly bootId: string;
  /** Time for createdAt, ISO 8601. */
  now(): string;
  /**
   * The pod addresses the kernel has routes for, canonical text. Asked once at every start: an
   * address that is in use and not in the journal (damaged, deleted, cut) is kept out of
   * circulation, see orphans(). Without it, a book whose journal lost records within this boot
   * hands out only addresses that it saw become free since.
   */
  readonly inUse?: (() => Promise<readonly string[]>) | undefined;
  /** Where the journal lies; for tests. */
  readonly disk?: JournalDisk | undefined;
  /** The journal is rewritten when longer than this; default 1 MiB. */
  readonly compactAboveBytes?: number | undefined;
}

export type BookChange =
  | {readonly kind: 'added'; readonly attachment: Attachment}
  | {readonly kind: 'changed'; readonly attachment: Attachment}
  | {readonly kind: 'released'; readonly attachment: Attachment};

export class AddressBook {
  /** What was found at start. */
  readonly recovery: Recovery;
  readonly #ledger: Ledger;
  readonly #writer: JournalWriter;
  readonly #now: () => string;
  readonly #underWay = new Set<string>(); // addresses chosen, not yet durable
  readonly #turns = new Map<string, Promise<unknown>>(); // by attachment id
  readonly #listeners = new Set<(change: BookChange) => void>();
  #walks: readonly RangeWalk[] = [];

  /** @throws JournalError, JournalFormatError. */
  static async open(options: AddressBookOptions): Promise<AddressBook> {
    const disk = options.disk ?? new FileDisk(join(options.dir, 'ipam.journal'));
    const {ledger, writer, recovery} = await openJournal({
      disk,
      bootId: options.bootId,
      inUse: options.inUse,
      compactAboveBytes: options.compactAboveBytes ?? 1 << 20,
    });
    return new AddressBook({ledger, writer, recovery, now: options.now.bind(options)});
  }

  private constructor(parts: {
    ledger: Ledger;
    writer: JournalWriter;
    recovery: Recovery;
    now: () => string;
  }) {
    this.recovery = parts.recovery;
    this.#ledger = parts.ledger;
    this.#writer = parts.writer;
    this.#now = parts.now;
  }

  /** Families are handed out from the first range that has a free address. @throws RangeError. */
  setRanges(ranges: readonly Range[]): void {
    this.#walks = ranges.map(range => {
      const known = this.#walks.find(({range: old}) => sameRange(old, range));
      return known ?? new RangeWalk(range);
    });
  }

  /** Durable before it resolves. @throws JournalError: then nothing was handed out. */
  allocate(request: AllocationRequest): Promise<Allocation> {
    return this.#inTurn(request.attachment, () => this.#allocate(request));
  }

  markReady(key: AttachmentKey): Promise<Attachment | undefined> {
    return this.#inTurn(key, () => this.#setState(key, 'ready'));
  }

  markDeleting(key: AttachmentKey): Promise<Attachment | undefined> {
    return this.#inTurn(key, () => this.#setState(key, 'deleting'));
  }

  /** The attachment as it was, undefined when there was none. @throws JournalError. */
  release(containerId: string, ifName: string): Promise<Attachment | undefined> {
    const key = {containerId, ifName};
    return this.#inTurn(key, async () => {
      const attachment = this.get(containerId, ifName);
      if (attachment === undefined) return undefined;
      await this.#writer.append({kind: 'free', containerId, ifName});
      this.#emit({kind: 'released', attachment});
      return attachment;
    });
  }

  get(containerId: string, ifName: string): Attachment | undefined {
    return this.#ledger.get(attachmentId({containerId, ifName}));
  }

  list(): readonly Attachment[] {
    return this.#ledger.list();
  }

  usage(): readonly RangeUsage[] {
    return this.#walks.map(walk => walk.usage(this.#usedAddresses()));
  }

  /** Addresses in use by somebody the journal does not know (see AddressBookOptions.inUse). */
  orphans(): readonly string[] {
    return this.#ledger.orphans();
  }

  /** Their users are gone. */
  async forgetOrphans(addresses: readonly string[]): Promise<void> {
    const known = new Set(this.#ledger.orphans());
    const orphans = addresses.filter(address => known.has(address));
    if (orphans.length > 0) await this.#writer.append({kind: 'forget', addresses: orphans});
  }

  /** How many times the disk was asked to sync, for metrics and tests. */
  flushes(): number {
    return this.#writer.flushes;
  }

  /** After every durable change. Returns how to stop listening. */
  onChange(listener: (change: BookChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Waits for writes under way. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#turns.values()]);
    await this.#writer.close();
  }

  async #allocate(request: AllocationRequest): Promise<Allocation> {
    const {containerId, ifName} = request.attachment;
    const existing = this.get(containerId, ifName);
    if (existing !== undefined) return {kind: 'exists', attachment: existing};

    const choice = this.#choose(request);
    if (choice.kind !== 'chosen') return choice;
    const attachment: Attachment = {
      ...request.attachment,
      addresses: choice.addresses,
      createdAt: this.#now(),
      ...(request.external && {external: true}),
      state: 'adding',
    };
    for (const address of choice.addresses) this.#underWay.add(address);
    try {
      await this.#writer.append({kind: 'add', attachment});
    } catch (error) {
      // The walks may have passed by; from their beginning they find what is given back.
      this.#walks = this.#walks.map(({range}) => new RangeWalk(range));
      throw error;
    } finally {
      for (const address of choice.addresses) this.#underWay.delete(address);
    }
    this.#emit({kind: 'added', attachment});
    return {kind: 'allocated', attachment};
  }

  #choose(request: AllocationRequest): Choice {
    if (request.external) return this.#takeAsGiven(request.external);
    if (request.requested && request.requested.length > 0) return this.#pick(request.requested);
    const families = request.families.length > 0 ? request.families : this.#families();
    if (families.length === 0) return {kind: 'no-range', family: 'ipv4'};
    const addresses: string[] = [];
    for (const family of new Set(families)) {
      const walks = this.#walks.filter(walk => walk.range.family === family);
      if (walks.length === 0) return {kind: 'no-range', family};
      const address = firstOf(walks, walk => walk.next(this.#occupancy()));
      if (address === undefined) {
        const reason = this.#ledger.inDoubt ? 'the journal was damaged' : undefined;
        return {kind: 'exhausted', family, ...(reason && {reason})};
      }
      addresses.push(address);
    }
    return {kind: 'chosen', addresses};
  }

  #pick(requested: readonly string[]): Choice {
    const addresses = new Set<string>();
    for (const text of requested) {
      const address = toAddress(text);
      const walk = this.#walks.find(each => address !== undefined && each.contains(address));
      if (address === undefined || walk === undefined) return {kind: 'outside', address: text};
      if (walk.isReserved(address)) return {kind: 'taken', address, holder: 'reserved'};
      const holder = this.#holderOf(address);
      if (holder !== undefined) return {kind: 'taken', address, holder};
      if (this.#ledger.inDoubt && !new Set(this.#ledger.freed()).has(address)) {
        return {kind: 'taken', address, holder: 'unknown'};
      }
      addresses.add(address);
    }
    return {kind: 'chosen', addresses: [...addresses]};
  }

  #takeAsGiven(external: readonly string[]): Choice {
    const addresses = new Set<string>();
    for (const text of external) {
      const address = toAddress(text);
      if (address === undefined) return {kind: 'outside', address: text};
      const holder = this.#holderOf(address);
      if (holder !== undefined) return {kind: 'taken', address, holder};
      addresses.add(address);
    }
    return {kind: 'chosen', addresses: [...addresses]};
  }

  async #setState(key: AttachmentKey, state: AttachmentState): Promise<Attachment | undefined> {
    const {containerId, ifName} = key;
    const before = this.get(containerId, ifName);
    if (before === undefined || before.state === state) return before;
    await this.#writer.append({kind: 'state', containerId, ifName, state});
    const attachment = {...before, state};
    this.#emit({kind: 'changed', attachment});
    return attachment;
  }

  #occupancy(): Occupancy {
    const ledger = this.#ledger;
    return {
      isTaken: address => this.#holderOf(address) !== undefined,
      wasFreed: address => ledger.wasFreed(address),
      freed: () => ledger.freed(),
      trustsUntouched: () => !ledger.inDoubt,
    };
  }

  #holderOf(address: string): string | undefined {
    const holder = this.#ledger.holderOf(address);
    return holder ?? (this.#underWay.has(address) ? 'a request under way' : undefined);
  }

  /** Those of requests under way too: "exhausted" is said of all that are spoken for. */
  #usedAddresses(): Iterable<string> {
    const ledger = this.#ledger;
    return new Set([...ledger.addressesInUse(), ...ledger.orphans(), ...this.#underWay]);
  }

  #families(): readonly Family[] {
    return [...new Set(this.#walks.map(walk => walk.range.family))].sort();
  }

  /** Runs after what was asked before for the same attachment. */
  #inTurn<T>(key: AttachmentKey, work: () => Promise<T>): Promise<T> {
    const id = attachmentId(key);
    const before = this.#turns.get(id);
    const turn = before === undefined ? work() : before.then(work, work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(id, settled);
    void settled.then(() => {
      if (this.#turns.get(id) === settled) this.#turns.delete(id);
    });
    return turn;
  }

  #emit(change: BookChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

type Choice =
  | {readonly kind: 'chosen'; readonly addresses: readonly string[]}
  | Exclude<Allocation, {kind: 'allocated'} | {kind: 'exists'}>;

function toAddress(text: string): string | undefined {
  const withLength = parseInterface(text);
  return withLength ? formatAddress(withLength.address) : canonicalAddress(text);
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function sameRange(a: Range, b: Range): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
