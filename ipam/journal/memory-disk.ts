import type {JournalDisk} from './disk.js';

/**
 * A disk for tests that holds state and can fail as disks do. Tests only.
 *
 * `content` is what the page cache has, `durable` how much of it a sync has promised. A crash
 * keeps the promised part and any further piece of the rest.
 */
export type Fault =
  | {readonly kind: 'full'; readonly writes: number} // ENOSPC after this many octets
  | {readonly kind: 'no-sync'} // EIO from fdatasync, everything written
  | {readonly kind: 'lie'}; // says yes, writes nothing: for control tests

export class MemoryDisk implements JournalDisk {
  content: Buffer | undefined;
  durable = 0;
  syncs = 0;
  copies = 0;
  #faults: Fault[] = [];

  constructor(content?: Buffer) {
    this.content = content;
    this.durable = content?.length ?? 0;
  }

  /** The next writes fail so, in this order. */
  failNext(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  /** What another process finds after a crash; `share` 0..1 of what was not promised survives. */
  crash(share: number): MemoryDisk {
    if (this.content === undefined) return new MemoryDisk();
    const kept = this.durable + Math.round((this.content.length - this.durable) * share);
    return new MemoryDisk(Buffer.from(this.content.subarray(0, kept)));
  }

  async read(): Promise<Buffer | undefined> {
    await turn();
    return this.content;
  }

  async open(length: number): Promise<void> {
    await turn();
    this.content = Buffer.from(this.content!.subarray(0, length));
    this.durable = length;
  }

  async append(bytes: Buffer): Promise<void> {
    const fault = this.#faults.shift();
    await turn();
    if (fault?.kind === 'lie') return;
    const written = fault?.kind === 'full' ? bytes.subarray(0, fault.writes) : bytes;
    this.content = Buffer.concat([this.content ?? Buffer.alloc(0), written]);
    await turn();
    if (fault) throw toError(fault);
    this.syncs++;
    this.durable = this.content.length;
  }

  async replace(bytes: Buffer): Promise<void> {
    const fault = this.#faults.shift();
    await turn();
    if (fault?.kind === 'lie') return;
    if (fault) throw toError(fault);
    this.syncs++;
    this.content = Buffer.from(bytes);
    this.durable = bytes.length;
  }

  keepCopy(): Promise<void> {
    this.copies++;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function toError(fault: Fault): NodeJS.ErrnoException {
  const code = fault.kind === 'full' ? 'ENOSPC' : 'EIO';
  return Object.assign(new Error(`${code}: injected`), {code});
}

/** Disks answer later. */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
