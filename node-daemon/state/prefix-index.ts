/**
 * Who holds which prefix, answering "who overlaps this one" without looking at everybody. Pure, but
 * mutable: it belongs to one owner.
 *
 * Hosts hold blocks of very few different lengths (mostly one per family), so there is one hash
 * table per length in use. A prefix is overlapped
 *
 *   from above or equal: by an entry of a shorter or the same length: one look-up per length, masked;
 *   from below:          by longer entries inside it, which are filed a second time under every
 *                        shorter length in use.
 */
import {maskAddress, type Prefix} from '#ipam';

type MaskedKey = number | string;
type Holders = Map<MaskedKey, string[]>;

interface Level {
  readonly exact: Holders; // entries of this length
  readonly below: Holders; // longer entries, by what they lie in at this length
}

export class PrefixIndex {
  readonly #levels = {4: new Map<number, Level>(), 16: new Map<number, Level>()};

  add(prefix: Prefix, owner: string): void {
    const levels = this.#levelsOf(prefix);
    if (!levels.has(prefix.bits)) levels.set(prefix.bits, createLevel(prefix.bits, levels));
    for (const [bits, level] of levels) {
      if (bits === prefix.bits) push(level.exact, maskedKey(prefix.address, bits), owner);
      else if (bits < prefix.bits) push(level.below, maskedKey(prefix.address, bits), owner);
    }
  }

  remove(prefix: Prefix, owner: string): void {
    for (const [bits, level] of this.#levelsOf(prefix)) {
      if (bits === prefix.bits) drop(level.exact, maskedKey(prefix.address, bits), owner);
      else if (bits < prefix.bits) drop(level.below, maskedKey(prefix.address, bits), owner);
    }
  }

  /** Owners of entries that share an address with `prefix`; one may come more than once. */
  overlapping(prefix: Prefix): readonly string[] {
    const owners: string[] = [];
    for (const [bits, {exact, below}] of this.#levelsOf(prefix)) {
      if (bits > prefix.bits) continue;
      const key = maskedKey(prefix.address, bits);
      append(owners, exact.get(key));
      if (bits === prefix.bits) append(owners, below.get(key));
    }
    if (this.#levelsOf(prefix).has(prefix.bits)) return owners;
    return [...owners, ...this.#insideUnfiled(prefix)];
  }

  /** Longer entries inside a prefix whose own length nobody uses: all of them are looked at. */
  #insideUnfiled(prefix: Prefix): readonly string[] {
    const wanted = maskedKey(prefix.address, prefix.bits);
    const owners: string[] = [];
    for (const [bits, {exact}] of this.#levelsOf(prefix)) {
      if (bits < prefix.bits) continue;
      for (const [key, holders] of exact) {
        if (maskAgain(key, prefix.bits) === wanted) append(owners, holders);
      }
    }
    return owners;
  }

  #levelsOf({address}: Prefix): Map<number, Level> {
    return address.length === 4 ? this.#levels[4] : this.#levels[16];
  }
}

/** A level for a length nobody had: files what lies below it. */
function createLevel(bits: number, levels: ReadonlyMap<number, Level>): Level {
  const below: Holders = new Map();
  for (const [longer, {exact}] of levels) {
    if (longer < bits) continue;
    for (const [key, holders] of exact) {
      for (const owner of holders) push(below, maskAgain(key, bits), owner);
    }
  }
  return {exact: new Map(), below};
}

/** IPv4 as a number, IPv6 as sixteen characters: both are cheap to hash. */
function maskedKey(address: Uint8Array, bits: number): MaskedKey {
  if (address.length === 4) {
    const number = (address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!;
    return bits === 0 ? 0 : number & (-1 << (32 - bits));
  }
  return String.fromCharCode(...maskAddress(address, bits));
}

function maskAgain(key: MaskedKey, bits: number): MaskedKey {
  if (typeof key === 'number') return bits === 0 ? 0 : key & (-1 << (32 - bits));
  return maskedKey(
    Uint8Array.from(key, char => char.charCodeAt(0)),
    bits,
  );
}

function push(holders: Holders, key: MaskedKey, owner: string): void {
  const owners = holders.get(key);
  if (owners === undefined) holders.set(key, [owner]);
  else owners.push(owner);
}

function drop(holders: Holders, key: MaskedKey, owner: string): void {
  const owners = holders.get(key);
  const at = owners?.indexOf(owner) ?? -1;
  if (owners === undefined || at < 0) return;
  owners.splice(at, 1);
  if (owners.length === 0) holders.delete(key);
}

function append(into: string[], owners: readonly string[] | undefined): void {
  if (owners !== undefined) for (const owner of owners) into.push(owner);
}
