import {
  addressAt,
  contains,
  formatAddress,
  offsetOf,
  parseAddress,
  parsePrefix,
  parsePrefixOrAddress,
  sizeOf,
  type Family,
  type Prefix,
} from './address.js';

/**
 * A block the host holds, and the walk through it. Pure.
 *
 * Order of hand-out: first the addresses nobody has had, in rising order; then those that were
 * freed, the one freed longest ago first. So a freed address is used again last, and late packets
 * or caches that still mean its former owner have had the most time to die.
 *
 * The first address of a block is the host's own; `reserved` ones are nobody's.
 */
export interface Range {
  readonly cidr: string;
  readonly family: Family;
  readonly pool: string;
  /** Addresses and CIDRs inside or around the block that are never handed out. */
  readonly reserved?: readonly string[] | undefined;
}

export interface RangeUsage {
  readonly cidr: string;
  readonly pool: string;
  readonly family: Family;
  readonly size: number; // all addresses of the block
  readonly used: number;
  readonly reserved: number; // the host's own included
}

/** What the walk asks of the ledger. Addresses in canonical text. */
export interface Occupancy {
  /** In use, being handed out at this moment, or doubtful. */
  isTaken(address: string): boolean;
  /** Was in use before and is free now. */
  wasFreed(address: string): boolean;
  /** Addresses free after use, longest free first. */
  freed(): Iterable<string>;
  /** False while the journal's damage leaves open which untouched addresses are in use. */
  trustsUntouched(): boolean;
}

export class RangeWalk {
  readonly range: Range;
  readonly prefix: Prefix;
  readonly #reserved: readonly Prefix[];
  readonly #size: bigint;
  #cursor = 1n; // 0 is the host's own

  /** @throws RangeError when the range or a reserved entry is no prefix. */
  constructor(range: Range) {
    this.range = range;
    this.prefix = required(range.cidr, parsePrefix(range.cidr));
    this.#size = sizeOf(this.prefix);
    this.#reserved = outermost(
      (range.reserved ?? []).map(text => required(text, parsePrefixOrAddress(text))),
    ).filter(reserved => reserved.family === this.prefix.family);
  }

  /** Choosing does not take: the caller marks the address before it asks again. */
  next(occupancy: Occupancy): string | undefined {
    if (occupancy.trustsUntouched()) {
      const untouched = this.#nextUntouched(occupancy);
      if (untouched !== undefined) return untouched;
    }
    for (const text of occupancy.freed()) {
      if (!this.#isOfFamily(text)) continue;
      if (!occupancy.isTaken(text) && this.#mayHandOut(text)) return text;
    }
    return undefined;
  }

  contains(text: string): boolean {
    const address = this.#isOfFamily(text) ? parseAddress(text) : undefined;
    return address !== undefined && contains(this.prefix, address);
  }

  isReserved(text: string): boolean {
    return !this.#mayHandOut(text);
  }

  usage(used: Iterable<string>): RangeUsage {
    let count = 0;
    for (const address of used) if (this.contains(address)) count++;
    const {cidr, pool, family} = this.range;
    return {
      ...{cidr, pool, family, size: Number(this.#size), used: count},
      reserved: Number(this.#reservedCount()),
    };
  }

  #nextUntouched(occupancy: Occupancy): string | undefined {
    while (this.#cursor < this.#size) {
      const address = addressAt(this.prefix, this.#cursor);
      const reserved = this.#reserved.find(prefix => contains(prefix, address));
      if (reserved !== undefined) {
        this.#cursor += sizeOf(reserved) - offsetOf(reserved, address);
        continue;
      }
      const text = formatAddress(address);
      if (!occupancy.isTaken(text) && !occupancy.wasFreed(text)) return text;
      this.#cursor += 1n;
    }
    return undefined;
  }

  /** Cheaper than parsing. Canonical text only: ::ffff:10.0.0.1 has both separators. */
  #isOfFamily(text: string): boolean {
    return text.includes(':') === (this.range.family === 'ipv6');
  }

  #mayHandOut(text: string): boolean {
    const address = parseAddress(text);
    if (address === undefined || !contains(this.prefix, address)) return false;
    if (offsetOf(this.prefix, address) === 0n) return false;
    return !this.#reserved.some(prefix => contains(prefix, address));
  }

  #reservedCount(): bigint {
    let count = 0n;
    let coversFirst = false;
    for (const reserved of this.#reserved) {
      if (contains(reserved, this.prefix.address)) coversFirst = true;
      if (reserved.bits <= this.prefix.bits && coversFirst) return this.#size;
      if (contains(this.prefix, reserved.address)) count += sizeOf(reserved);
    }
    return coversFirst ? count : count + 1n;
  }
}

/** Prefixes are nested or apart; the inner ones add nothing. */
function outermost(prefixes: readonly Prefix[]): readonly Prefix[] {
  const sorted = [...prefixes].sort((a, b) => a.bits - b.bits);
  const kept: Prefix[] = [];
  for (const prefix of sorted) {
    if (!kept.some(outer => contains(outer, prefix.address))) kept.push(prefix);
  }
  return kept;
}

function required(text: string, prefix: Prefix | undefined): Prefix {
  if (prefix === undefined) throw new RangeError(`${JSON.stringify(text)} is no prefix`);
  return prefix;
}
