/**
 * Paths into Adj-RIB-In, with what import makes of them. Pure to the outside.
 *
 * Prefixes that come with one attribute set are judged once; the policy is asked for each prefix only where
 * it looks at prefixes, and its changes are made once for each of its rules. A set that nobody changes is
 * not decoded.
 */
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
import type {Row} from './paths.js';
import type {PrefixId} from './prefix-table.js';
import type {PeerEntry} from './peer-entry.js';
import type {RibOptions} from './types.js';

interface Outcome {
  readonly effective: SetId; // 0: not eligible
  readonly reason: number;
}

const REJECTED = -1;
const NO_RULE = -2;
const UNKNOWN = -3;
const NOTHING: Outcome = {effective: 0, reason: 0};
const UNSEEN: PathAttributes = {}; // to a policy that does not look
const words = new Uint32Array(4);

/** One attribute set of one peer on its way in. The sets it makes are settled by close(). */
export class Importer {
  readonly #sets: AttributeSets;
  readonly #rib: FamilyRib;
  readonly #facts: ImportFacts;
  readonly #raw: SetId;
  readonly #refusal: Outcome | undefined;
  readonly #marksOtc: boolean;
  #passed: PathAttributes | undefined; // as the policy finds them, once that is asked
  #rule = UNKNOWN; // of a policy that does not look at prefixes
  #lastRule = UNKNOWN;
  #last: Outcome = NOTHING;
  #others: Map<number, Outcome> | undefined;

  constructor(sets: AttributeSets, rib: FamilyRib, raw: SetId, facts: ImportFacts) {
    this.#sets = sets;
    this.#rib = rib;
    this.#raw = raw;
    this.#facts = facts;
    const reason = judgePath(sets, raw, facts);
    this.#refusal = reason === undefined ? undefined : refused(reason);
    this.#marksOtc = reason === undefined && needsOtc(sets, raw, facts);
  }

  /** The row has the set from now on. */
  apply(row: Row): void {
    const {effective, reason} = this.#refusal ?? this.#outcome(this.#rib.paths.prefix(row));
    this.#rib.setPath(row, this.#raw, effective, reason);
  }

  close(): void {
    if (this.#lastRule !== UNKNOWN) this.#settle(this.#last);
    for (const each of this.#others?.values() ?? []) if (each !== this.#last) this.#settle(each);
  }

  #settle({effective}: Outcome): void {
    if (effective !== this.#raw) this.#sets.settle(effective);
  }

  #outcome(prefix: PrefixId): Outcome {
    const rule = this.#choose(prefix);
    if (rule === this.#lastRule) return this.#last;
    const known = this.#others?.get(rule);
    const outcome =
      known ?? (rule === REJECTED ? refused('rejected by the import policy') : this.#make(rule));
    if (known === undefined && this.#lastRule !== UNKNOWN) {
      this.#others ??= new Map([[this.#lastRule, this.#last]]);
      this.#others.set(rule, outcome);
    }
    this.#lastRule = rule;
    return (this.#last = outcome);
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

  #make(rule: number): Outcome {
    const policy = this.#facts.policy.importPolicy;
    const isKept = policy === undefined || !policy.changes(rule);
    if (isKept && !this.#marksOtc && isFinished(this.#sets, this.#raw, this.#facts)) {
      return {effective: this.#raw, reason: 0};
    }
    const passed = this.#attributes();
    const chosen = policy?.apply(rule, passed).attributes ?? passed;
    const final = finishImport(chosen, this.#facts);
    const isUnchanged = final === this.#sets.attributes(this.#raw);
    const nextHop = this.#sets.nextHop(this.#raw);
    const effective = isUnchanged ? this.#raw : this.#sets.internOwn(final, nextHop);
    return {effective, reason: 0};
  }

  #attributes(): PathAttributes {
    if (this.#passed !== undefined) return this.#passed;
    const plain = this.#sets.attributes(this.#raw);
    const otc = this.#facts.session.negotiated.peerAsn;
    return (this.#passed = this.#marksOtc ? {...plain, otc} : plain);
  }
}

export function factsOf(entry: PeerEntry, options: RibOptions): ImportFacts | undefined {
  const {policy, last} = entry;
  return last && {options, policy, session: last};
}

function refused(reason: Reason): Outcome {
  return {effective: 0, reason: REASONS.indexOf(reason)};
}
