import {attachmentId, type Attachment, type AttachmentState} from '../attachment.js';

/**
 * What the journal says: who holds which address, and in which order addresses became free.
 * Pure: no clock, no file. The same `apply` serves the replay at start and every record written
 * later, so memory and file cannot differ.
 *
 * When records were lost within one boot, an address may be in use without our knowing. Then the
 * ledger is in doubt: only addresses freed after the damage are known to be free. `settled` ends the
 * doubt with what the kernel says is in use; such an address without an attachment is an orphan
 * and stays out of circulation until the kernel is asked again, or until it is forgotten.
 */
export type LedgerRecord =
  | {readonly kind: 'open'; readonly version: 1; readonly bootId: string}
  | {readonly kind: 'add'; readonly attachment: Attachment}
  | {
      readonly kind: 'state';
      readonly containerId: string;
      readonly ifName: string;
      readonly state: AttachmentState;
    }
  | {readonly kind: 'free'; readonly containerId: string; readonly ifName: string}
  | {readonly kind: 'order'; readonly addresses: readonly string[]} // freed, oldest first
  | {readonly kind: 'doubt'}
  | {readonly kind: 'settled'; readonly inUse: readonly string[]}
  | {readonly kind: 'forget'; readonly addresses: readonly string[]}; // orphans

/** More freed addresses than this are not remembered in order: the oldest are like untouched. */
const MAX_FREED = 65_536;
const ORDER_CHUNK = 1000;

export class Ledger {
  readonly #attachments = new Map<string, Attachment>();
  readonly #holders = new Map<string, string>(); // address -> attachment id
  #freed = new Set<string>(); // insertion order is the order of becoming free
  #suspects = new Set<string>(); // freed before the damage
  #orphans = new Set<string>();
  #doubt = false;
  #bootId: string | undefined;

  get bootId(): string | undefined {
    return this.#bootId;
  }

  get inDoubt(): boolean {
    return this.#doubt;
  }

  get(id: string): Attachment | undefined {
    return this.#attachments.get(id);
  }

  list(): readonly Attachment[] {
    return [...this.#attachments.values()];
  }

  holderOf(address: string): string | undefined {
    return this.#holders.get(address) ?? (this.#orphans.has(address) ? 'unknown' : undefined);
  }

  addressesInUse(): Iterable<string> {
    return this.#holders.keys();
  }

  orphans(): readonly string[] {
    return [...this.#orphans];
  }

  freed(): Iterable<string> {
    return this.#freed;
  }

  wasFreed(address: string): boolean {
    return this.#freed.has(address) || this.#suspects.has(address);
  }

  apply(record: LedgerRecord): void {
    switch (record.kind) {
      case 'open':
        if (this.#bootId !== undefined && this.#bootId !== record.bootId) this.#forgetBoot();
        this.#bootId = record.bootId;
        return;
      case 'add':
        return this.#add(record.attachment);
      case 'state': {
        const id = attachmentId(record);
        const attachment = this.#attachments.get(id);
        if (attachment) this.#attachments.set(id, {...attachment, state: record.state});
        return;
      }
      case 'free':
        return this.#free(attachmentId(record));
      case 'order':
        for (const address of record.addresses) this.#markFreed(address);
        return;
      case 'doubt':
        this.#doubt = true;
        for (const address of this.#freed) this.#suspects.add(address);
        this.#freed.clear();
        return;
      case 'settled':
        return this.#settle(record.inUse);
      case 'forget':
        for (const address of record.addresses) {
          if (this.#orphans.delete(address)) this.#markFreed(address);
        }
        return;
    }
  }

  /** The shortest journal that says the same. */
  snapshot(): LedgerRecord[] {
    const records: LedgerRecord[] = [];
    if (this.#bootId !== undefined) {
      records.push({kind: 'open', version: 1, bootId: this.#bootId});
    }
    // `settled` ends a doubt, so it comes before.
    if (this.#orphans.size > 0) records.push({kind: 'settled', inUse: [...this.#orphans]});
    if (this.#doubt) records.push(...toOrder(this.#suspects), {kind: 'doubt'});
    records.push(...toOrder(this.#freed));
    for (const attachment of this.#attachments.values()) records.push({kind: 'add', attachment});
    return records;
  }

  #add(attachment: Attachment): void {
    const id = attachmentId(attachment);
    this.#drop(id);
    for (const address of attachment.addresses) {
      // Only after damage: the record that freed the address was lost.
      const former = this.#holders.get(address);
      if (former !== undefined) this.#drop(former);
      this.#holders.set(address, id);
      this.#freed.delete(address);
      this.#suspects.delete(address);
      this.#orphans.delete(address);
    }
    this.#attachments.set(id, attachment);
  }

  #free(id: string): void {
    const attachment = this.#drop(id);
    for (const address of attachment?.addresses ?? []) this.#markFreed(address);
  }

  #drop(id: string): Attachment | undefined {
    const attachment = this.#attachments.get(id);
    if (attachment === undefined) return undefined;
    this.#attachments.delete(id);
    for (const address of attachment.addresses) this.#holders.delete(address);
    return attachment;
  }

  #markFreed(address: string): void {
    if (this.#holders.has(address)) return;
    this.#suspects.delete(address);
    this.#freed.delete(address);
    this.#freed.add(address);
    if (this.#freed.size <= MAX_FREED) return;
    for (const oldest of this.#freed) {
      this.#freed.delete(oldest);
      return;
    }
  }

  #settle(inUse: readonly string[]): void {
    const before = this.#orphans;
    this.#orphans = new Set(inUse.filter(address => !this.#holders.has(address)));
    const free = [...this.#suspects, ...this.#freed, ...before];
    this.#freed = new Set(free.filter(address => !this.#orphans.has(address)));
    this.#suspects = new Set();
    this.#doubt = false;
  }

  /** A reboot ends every pod. What they held is free, after all that was free before. */
  #forgetBoot(): void {
    this.#settle([]);
    for (const id of [...this.#attachments.keys()]) this.#free(id);
  }
}

function toOrder(addresses: Iterable<string>): LedgerRecord[] {
  const all = [...addresses];
  const records: LedgerRecord[] = [];
  for (let at = 0; at < all.length; at += ORDER_CHUNK) {
    records.push({kind: 'order', addresses: all.slice(at, at + ORDER_CHUNK)});
  }
  return records;
}
