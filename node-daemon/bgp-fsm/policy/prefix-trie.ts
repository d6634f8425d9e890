/**
 * Prefixes of one family with the lengths that each lets in, as a path-compressed binary trie. Pure.
 *
 *   10.0.0.0/8 le 16 ──0── 10.1.0.0/16      A node is a prefix; its children are the nearest prefixes
 *          └────1──── 10.128.0.0/9          inside it, by the bit that follows. Where two part, a node
 *                                           without an entry of its own joins them.
 *
 * A node's lengths are a set of bits, one a prefix length, and include those of the nodes above it: what
 * is asked for is let in when the deepest node around it has its length.
 *
 * All nodes lie in one column of 32-bit words, a node's own beside each other; a node is the index of
 * its first word. The node at 0 is the whole family, so that 0 as a child says that there is none.
 *
 *   +------+---------+---------+------------------+---------------------+
 *   | bits | child 0 | child 1 | address: 1 or 4  | lengths: 2 or 5     |
 *   +------+---------+---------+------------------+---------------------+
 */
export interface TrieEntry {
  readonly words: Uint32Array; // address in network order: one word of IPv4, four of IPv6
  readonly bits: number;
  readonly shortest: number; // lengths that are let in, both ends included, never below `bits`
  readonly longest: number;
}

const CHILD = 1;
const HEAD = 3;

export class PrefixTrie {
  readonly #width: 1 | 4; // words of an address
  readonly #lengths: number; // where in a node they begin
  readonly #stride: number;
  readonly #nodes: Uint32Array;
  #end: number;

  constructor(width: 1 | 4, entries: readonly TrieEntry[]) {
    this.#width = width;
    this.#lengths = HEAD + width;
    this.#stride = this.#lengths + (width === 1 ? 2 : 5); // 33 or 129 lengths
    // An entry adds itself and at most one that joins.
    this.#nodes = new Uint32Array((entries.length * 2 + 1) * this.#stride);
    this.#end = this.#stride;
    for (const entry of entries) this.#insert(entry);
    this.#inherit();
  }

  /** Whether an entry holds the prefix and lets its length in. Bits of `words` after `bits` are not read. */
  has(words: Uint32Array, bits: number): boolean {
    const nodes = this.#nodes;
    let deepest = 0;
    let length = 0;
    while (length < bits) {
      const child = nodes[deepest + CHILD + bitOf(words, length)] ?? 0;
      if (child === 0) break;
      length = nodes[child] ?? 0;
      if (length > bits || this.#commonBits(child, words, length) < length) break;
      deepest = child;
    }
    const word = nodes[deepest + this.#lengths + (bits >>> 5)] ?? 0;
    return ((word >>> (bits & 31)) & 1) === 1;
  }

  #insert(entry: TrieEntry): void {
    const {words, bits} = entry;
    let node = 0;
    for (let length = 0; length < bits;) {
      const link = node + CHILD + bitOf(words, length);
      const child = this.#nodes[link] ?? 0;
      if (child === 0) {
        node = this.#create(link, words, bits);
        break;
      }
      const childBits = this.#nodes[child] ?? 0;
      const common = this.#commonBits(child, words, Math.min(childBits, bits));
      if (common === childBits) {
        node = child;
      } else {
        node = this.#create(link, words, common);
        this.#nodes[node + CHILD + this.#headBit(child, common)] = child;
      }
      length = common;
    }
    this.#letIn(node, entry);
  }

  #create(link: number, words: Uint32Array, bits: number): number {
    const node = this.#end;
    this.#end += this.#stride;
    this.#nodes[link] = node;
    this.#nodes[node] = bits;
    this.#nodes.set(words.subarray(0, this.#width), node + HEAD);
    return node;
  }

  #letIn(node: number, {shortest, longest}: TrieEntry): void {
    for (let length = shortest; length <= longest; length++) {
      const at = node + this.#lengths + (length >>> 5);
      this.#nodes[at] = (this.#nodes[at] ?? 0) | (1 << (length & 31));
    }
  }

  /** Every node gets the lengths of the ones above it. */
  #inherit(): void {
    const nodes = this.#nodes;
    const waiting = [0];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (const link of [node + CHILD, node + CHILD + 1]) {
        const child = nodes[link] ?? 0;
        if (child === 0) continue;
        for (let at = this.#lengths; at < this.#stride; at++) {
          nodes[child + at] = (nodes[child + at] ?? 0) | (nodes[node + at] ?? 0);
        }
        waiting.push(child);
      }
    }
  }

  /** How many leading bits of the node's address are those of `words`, at most `limit`. */
  #commonBits(node: number, words: Uint32Array, limit: number): number {
    for (let i = 0; i * 32 < limit; i++) {
      const difference = (this.#nodes[node + HEAD + i] ?? 0) ^ (words[i] ?? 0);
      if (difference !== 0) return Math.min(limit, i * 32 + Math.clz32(difference));
    }
    return limit;
  }

  #headBit(node: number, bit: number): number {
    return ((this.#nodes[node + HEAD + (bit >>> 5)] ?? 0) >>> (31 - (bit & 31))) & 1;
  }
}

function bitOf(words: Uint32Array, bit: number): number {
  return ((words[bit >>> 5] ?? 0) >>> (31 - (bit & 31))) & 1;
}
