/**
 * Peers that are sent the same things for the same paths: each attribute set is rewritten and encoded once
 * for all of them. Pure to the outside.
 *
 * What came of a set is remembered by its serial, so that nothing has to be forgotten when the set goes.
 */
import {encodeAttributes} from '../wire/attribute-encode.js';
import type {PathAttributes} from '../wire/attributes.js';
import type {Family} from '../wire/family.js';
import type {PolicyOutcome} from '../policy/types.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import type {BlockId, Blocks} from './blocks.js';
import {exportPath, mayPass, type Source, type Target} from './export.js';

export interface Path {
  readonly family: Family;
  readonly words: Uint32Array;
  readonly bits: number;
  readonly set: SetId;
  readonly source: Source;
}

/** Kinds of blocks: how AS numbers are written in them. */
export const AS2 = 0;
export const AS4 = 1;

const REJECTED = -1;
const ANY_PREFIX = -2; // in place of a rule that was not chosen yet
const SERIALS = 2 ** 32;
const MOST_REMEMBERED = 1 << 20;
/** Header, lengths, MP_REACH with 32 octets of next hop, and the longest prefix with a path id. */
const AROUND = 19 + 4 + 9 + 32 + 21;

export class ExportGroup {
  readonly target: Target;
  /** Blocks that leave no room for a prefix in a message of the peers (RFC 8654 §4). */
  tooLong = 0;
  readonly #sets: AttributeSets;
  readonly #outs: Blocks;
  readonly #remembered = new Map<string, Map<number, number>>();
  readonly #rules = new Map<number, number>(); // of policies that do not look at prefixes
  #size = 0;

  constructor(target: Target, sets: AttributeSets, outs: Blocks) {
    this.target = target;
    this.#sets = sets;
    this.#outs = outs;
  }

  /** The block for the path, to be retained or settled; 0: it does not go there. */
  export(path: Path): BlockId {
    const {set, source} = path;
    if (!mayPass(source, this.#sets.flags(set), this.target)) return 0;
    const rule = this.#choose(path);
    if (rule === REJECTED) return 0;
    const serial = this.#sets.serial(set);
    const known = this.#memoryOf(path, rule);
    const packed = known.get(serial);
    if (packed === 0) return 0;
    if (packed !== undefined) {
      const out = Math.floor(packed / SERIALS);
      if (this.#outs.serial(out) === packed % SERIALS) return out;
    }
    const out = this.#make(path, rule);
    if (this.#size++ > MOST_REMEMBERED) this.#forget();
    known.set(serial, out === 0 ? 0 : out * SERIALS + this.#outs.serial(out));
    return out;
  }

  #choose({family, words, bits, set, source}: Path): number {
    const policy = this.target.policy.exportPolicy;
    if (policy === undefined) return 0;
    const kind = source.kind === 'local' ? 0 : source.kind === 'internal' ? 1 : 2;
    const key = this.#sets.serial(set) * 4 + kind;
    const known = policy.looksAtPrefix ? undefined : this.#rules.get(key);
    if (known !== undefined) return known;
    const isReflected = source.kind === 'internal' && this.target.session.negotiated.internal;
    const attributes = this.#sets.attributes(set);
    const subject = {
      family,
      words,
      bits,
      attributes,
      isLocal: source.kind === 'local',
      isReflected,
    };
    const rule = policy.choose(subject);
    if (!policy.looksAtPrefix) {
      if (this.#rules.size > MOST_REMEMBERED) this.#rules.clear();
      this.#rules.set(key, rule);
    }
    return rule;
  }

  #memoryOf({family, source}: Path, rule: number): Map<number, number> {
    const of = source.kind === 'internal' ? `${source.isClient} ${source.identifier}` : '';
    const key = `${family} ${source.kind} ${rule === ANY_PREFIX ? '' : rule} ${of}`;
    let known = this.#remembered.get(key);
    if (known === undefined) this.#remembered.set(key, (known = new Map()));
    return known;
  }

  #make({family, set, source}: Path, rule: number): BlockId {
    const {policy, session} = this.target;
    const before = this.#sets.attributes(set);
    const outcome = policy.exportPolicy?.apply(rule, before) ?? unchanged(before);
    const nextHop = this.#sets.nextHop(set);
    const exported = exportPath(family, source, {before, outcome, nextHop}, this.target);
    if (exported === undefined) return 0;
    const block = encodeAttributes(exported.attributes, session.negotiated.as4 ? 4 : 2);
    if (block.length + AROUND > session.negotiated.maxSendOctets) {
      this.tooLong++;
      return 0;
    }
    const hop = {bytes: exported.nextHop, at: 0, length: exported.nextHop.length};
    return this.#outs.intern(block, 0, block.length, session.negotiated.as4 ? AS4 : AS2, hop);
  }

  #forget(): void {
    this.#remembered.clear();
    this.#size = 0;
  }
}

function unchanged(attributes: PathAttributes): PolicyOutcome {
  return {attributes, nextHopSelf: false, prependCount: 0};
}
