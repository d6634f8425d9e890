/**
 * Paths into Adj-RIB-In, with what import makes of them. Pure to the outside.
 *
 * Prefixes that come with one attribute set are judged once; the policy is asked for each prefix only where
 * it looks at prefixes, and its changes are made once for each of its rules. A set that nobody changes is
 * not decoded.
 */
import {REJECTED, UNSEEN} from '../policy/types.js';
import type {PathAttributes} from '../wire/attributes.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import type {FamilyRib} from './family-rib.js';
import {
  finishImport,
  isFinished,
  judgePath,
  needsOtc,
  REASONS,
  type ImportFacts,
  type Reason,
} from './import.js';
import type {Given} from './paths.js';
import type {PrefixId} from './prefix-table.js';
import {isUnicastPrefix} from './unicast-prefix.js';

const NO_RULE = -2;
const UNKNOWN = -3;
const NOTHING: Given = {raw: 0, effective: 0, reason: 0, epoch: 0};
const words = new Uint32Array(4);

/**
 * One attribute set of one peer on its way in, from open() to close(): then the sets that were made for it
 * and nobody took are given up. There is one importer for all that comes in.
 */
export class Importer {
  readonly #sets: AttributeSets;
  readonly #others = new Map<number, Given>(); // by rule, where there was more than one
  #rib: FamilyRib;
  #facts: ImportFacts;
  #raw: SetId = 0;
  #epoch = 0;
  #refusal: Given | undefined;
  #marksOtc = false;
  #passed: PathAttributes | undefined; // as the policy finds them, once that is asked
  #rule = UNKNOWN; // of a policy that does not look at prefixes
  #lastRule = UNKNOWN;
  #last = NOTHING;

  constructor(sets: AttributeSets, rib: FamilyRib, facts: ImportFacts) {
    this.#sets = sets;
    this.#rib = rib;
    this.#facts = facts;
  }

  open(rib: FamilyRib, raw: SetId, epoch: number, facts: ImportFacts): void {
    this.#rib = rib;
    this.#facts = facts;
    this.#raw = raw;
    this.#epoch = epoch;
    this.#passed = undefined;
    this.#rule = this.#lastRule = UNKNOWN;
    const reason = judgePath(this.#sets, raw, facts);
    this.#refusal = reason === undefined ? undefined : this.#refused(reason);
    this.#marksOtc = reason === undefined && needsOtc(this.#sets, raw, facts);
  }

  /** What the path of the prefix is from now on. */
  judge(prefix: PrefixId): Given {
    if (this.#refusal !== undefined) return this.#refusal;
    const {table, family} = this.#rib;
    if (!isUnicastPrefix(family, table.words(prefix, words), table.bits(prefix))) {
      return this.#refused('not a unicast prefix');
    }
    const rule = this.#choose(prefix);
    if (rule === this.#lastRule) return this.#last;
    if (this.#lastRule !== UNKNOWN) this.#others.set(this.#lastRule, this.#last);
    this.#lastRule = rule;
    return (this.#last = this.#others.get(rule) ?? this.#make(rule));
  }

  close(): void {
    if (this.#lastRule !== UNKNOWN) this.#settle(this.#last);
    if (this.#others.size === 0) return;
    for (const each of this.#others.values()) if (each !== this.#last) this.#settle(each);
    this.#others.clear();
  }

  #settle({effective}: Given): void {
    if (effective !== this.#raw) this.#sets.settle(effective);
  }

  #choose(prefix: PrefixId): number {
    const policy = this.#facts.policy.importPolicy;
    if (policy === undefined) return NO_RULE;
    if (this.#rule !== UNKNOWN) return this.#rule;
    const {table, family} = this.#rib;
    const rule = policy.choose({
      family,
      words: table.words(prefix, words),
      bits: table.bits(prefix),
      attributes: policy.looksAtAttributes ? this.#attributes() : UNSEEN,
      isLocal: false,
      isReflected: false,
    });
    if (!policy.looksAtPrefix) this.#rule = rule;
    return rule;
  }

  #make(rule: number): Given {
    if (rule === REJECTED) return this.#refused('rejected by the import policy');
    const policy = this.#facts.policy.importPolicy;
    const isKept = policy === undefined || !policy.changes(rule);
    if (isKept && !this.#marksOtc && isFinished(this.#sets, this.#raw, this.#facts)) {
      return this.#accepted(this.#raw);
    }
    const passed = this.#attributes();
    const chosen = policy?.apply(rule, passed).attributes ?? passed;
    const final = finishImport(chosen, this.#facts);
    const isUnchanged = final === this.#sets.attributes(this.#raw);
    const nextHop = this.#sets.nextHop(this.#raw);
    const effective = isUnchanged ? this.#raw : this.#sets.internOwn(final, nextHop);
    return this.#accepted(effective);
  }

  #accepted(effective: SetId): Given {
    return {raw: this.#raw, effective, reason: 0, epoch: this.#epoch};
  }

  #refused(reason: Reason): Given {
    const number = REASONS.indexOf(reason);
    return {raw: this.#raw, effective: 0, reason: number, epoch: this.#epoch};
  }

  #attributes(): PathAttributes {
    if (this.#passed !== undefined) return this.#passed;
    const plain = this.#sets.attributes(this.#raw);
    const otc = this.#facts.session.negotiated.peerAsn;
    return (this.#passed = this.#marksOtc ? {...plain, otc} : plain);
  }
}
