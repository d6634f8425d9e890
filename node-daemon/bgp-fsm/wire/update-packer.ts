/**
 * Packs prefixes into as few UPDATEs as they need (RFC 4271 §4.3). Pure.
 *
 * Every message has one kind of prefixes only: withdrawn, NLRI, MP_REACH or MP_UNREACH, and MP_*
 * stands before the other attributes (RFC 7606 §5.1). The caller opens a run and adds its prefixes;
 * a message that is full is closed and the next one begins with the same attributes.
 *
 *   packer.withdraw('ipv4');
 *   for (…) packer.add(words, bits, pathId);
 *   packer.announce('ipv4', block);
 *   for (…) packer.add(words, bits, pathId);
 *   socket.write(packer.take());                        // whole messages, back to back
 */
import {EMPTY, Writer} from './bytes.js';
import * as c from './constants.js';
import {AFI_SAFI, widthOf, type Family} from './family.js';
import {beginMessage, endMessage} from './header.js';

export interface PackerOptions {
  readonly maxLength?: number; // 65535 to a peer that sent the extended message capability
  readonly sendsPathIds?: Readonly<Record<Family, boolean>>; // RFC 7911, this direction
}

interface Run {
  readonly kind: 'withdraw' | 'announce' | 'mp-withdraw' | 'mp-announce';
  readonly family: Family;
  readonly block: BlockAt;
  readonly nextHop: Uint8Array;
}

/** An attribute block that lies among others. */
export interface BlockAt {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
}

const NO_BLOCK: BlockAt = {bytes: EMPTY, at: 0, end: 0};
const NO_PATH_IDS = {ipv4: false, ipv6: false};

export class UpdatePacker {
  readonly #maxLength: number;
  readonly #sendsPathIds: Readonly<Record<Family, boolean>>;
  readonly #out = new Writer(c.MAX_MESSAGE);
  #run: Run = {kind: 'withdraw', family: 'ipv4', block: NO_BLOCK, nextHop: EMPTY};
  #start = -1; // of the open message; -1: none is
  #field = 0; // where its prefixes begin
  #limit = 0; // where they must end
  #messages = 0;

  constructor({maxLength = c.MAX_MESSAGE, sendsPathIds = NO_PATH_IDS}: PackerOptions = {}) {
    this.#maxLength = maxLength;
    this.#sendsPathIds = sendsPathIds;
  }

  /** Octets so far, the open message included. */
  get length(): number {
    return this.#out.length;
  }

  /** Messages so far, the open one included. */
  get messages(): number {
    return this.#messages;
  }

  /** With extended next hops IPv4 is withdrawn in MP_UNREACH, as BIRD and FRR do. */
  withdraw(family: Family, inMpUnreach = family === 'ipv6'): void {
    this.#close();
    const kind = inMpUnreach ? 'mp-withdraw' : 'withdraw';
    this.#run = {kind, family, block: NO_BLOCK, nextHop: EMPTY};
  }

  /**
   * `block` is of encodeAttributes; it is not copied until a prefix comes. Without `nextHop` the
   * NEXT_HOP in the block counts, which IPv4 alone can; with it (4, 16 or 32 octets) MP_REACH.
   * False when the longest prefix does not fit beside the block: what announcementOctets() says is too
   * much must not be added, and the caller withdraws it instead (RFC 8654 §4 leaves it to the sender).
   */
  announce(family: Family, block: Uint8Array, nextHop: Uint8Array = EMPTY): boolean {
    return this.announceAt(family, {bytes: block, at: 0, end: block.length}, nextHop);
  }

  announceAt(family: Family, block: BlockAt, nextHop: Uint8Array): boolean {
    this.#close();
    const kind = nextHop.length === 0 ? 'announce' : 'mp-announce';
    this.#run = {kind, family, block, nextHop};
    const octets = announcementOctets(block.end - block.at, nextHop.length, {
      bits: widthOf(family) * 8,
      hasPathId: this.#sendsPathIds[family],
    });
    return octets <= this.#maxLength;
  }

  /** One prefix of the run: `words` as in NlriCursor; bits beyond `bits` must be zero. */
  add(words: Uint32Array, bits: number, pathId = 0): void {
    const out = this.#out;
    const hasPathId = this.#sendsPathIds[this.#run.family];
    const size = nlriOctets(bits, hasPathId);
    if (this.#start >= 0 && out.length + size > this.#limit) this.#close();
    if (this.#start < 0) this.#open();
    if (hasPathId) out.u32(pathId);
    out.u8(bits).words(words, (bits + 7) >>> 3);
  }

  /** RFC 4724 §2. Ends the run. */
  endOfRib(family: Family): void {
    this.#close();
    const start = beginMessage(this.#out, c.UPDATE);
    this.#messages++;
    if (family === 'ipv4') {
      this.#out.u32(0);
    } else {
      const {afi, safi} = AFI_SAFI[family];
      this.#out.u16(0).u16(6).u8(c.FLAG_OPTIONAL).u8(c.ATTR_MP_UNREACH).u8(3).u16(afi).u8(safi);
    }
    endMessage(this.#out, start);
  }

  /** Whole messages, the caller's to keep. Starts again with nothing; the run goes on. */
  take(): Uint8Array {
    this.#close();
    const bytes = this.#out.take();
    this.#out.truncate(0);
    this.#messages = 0;
    return bytes;
  }

  #open(): void {
    const out = this.#out;
    const {kind, block} = this.#run;
    this.#start = beginMessage(out, c.UPDATE);
    this.#messages++;
    out.u16(0); // withdrawn length
    let behind = 0; // octets that follow the prefixes
    if (kind === 'withdraw') {
      behind = 2;
    } else if (kind === 'announce') {
      out.u16(block.end - block.at).part(block.bytes, block.at, block.end);
    } else {
      behind = block.end - block.at;
      out.u16(0);
      this.#openMp();
    }
    this.#field = out.length;
    this.#limit = this.#start + this.#maxLength - behind;
  }

  #openMp(): void {
    const {kind, family, nextHop} = this.#run;
    const {afi, safi} = AFI_SAFI[family];
    const type = kind === 'mp-announce' ? c.ATTR_MP_REACH : c.ATTR_MP_UNREACH;
    this.#out
      .u8(c.FLAG_OPTIONAL | c.FLAG_EXTENDED_LENGTH)
      .u8(type)
      .u16(0);
    this.#out.u16(afi).u8(safi);
    if (kind === 'mp-announce') this.#out.u8(nextHop.length).bytes(nextHop).u8(0);
  }

  #close(): void {
    if (this.#start < 0) return;
    const out = this.#out;
    const start = this.#start;
    const {kind, block} = this.#run;
    const lengths = start + c.HEADER_LENGTH;
    if (kind === 'withdraw') {
      out.patchU16(lengths, out.length - this.#field);
      out.u16(0);
    } else if (kind !== 'announce') {
      const attribute = lengths + 4;
      out.patchU16(attribute + 2, out.length - attribute - 4);
      out.part(block.bytes, block.at, block.end);
      out.patchU16(lengths + 2, out.length - attribute);
    }
    endMessage(out, start);
    this.#start = -1;
  }
}

/**
 * Octets of an UPDATE with one prefix, for an attribute block and a next hop of so many octets; 0: NEXT_HOP in the
 * block counts. What fits by itself is one that a packer of that length can be given.
 */
export function announcementOctets(
  block: number,
  nextHop: number,
  {bits, hasPathId}: {readonly bits: number; readonly hasPathId: boolean},
): number {
  const mpOctets = nextHop === 0 ? 0 : MP_REACH_OCTETS + nextHop;
  return c.HEADER_LENGTH + 4 + mpOctets + block + nlriOctets(bits, hasPathId);
}

function nlriOctets(bits: number, hasPathId: boolean): number {
  return ((bits + 7) >>> 3) + (hasPathId ? 5 : 1);
}

/** Header 4, AFI 2, SAFI 1, next hop length 1, reserved 1. */
const MP_REACH_OCTETS = 9;
