/**
 * Paths into Adj-RIB-In, with what import makes of them. Pure to the outside.
 *
 * Prefixes that come with one attribute set are judged once; the policy is asked for each prefix only where
 * it looks at prefixes, and its changes are made once for each of its rules.
 */
import type {PathAttributes} from '../wire/attributes.js';
import type {AttributeSets, SetId} from './attribute-sets.js';
import type {FamilyRib} from './family-rib.js';
import {finishImport, judgePath, REASONS, type ImportFacts, type Reason} from './import.js';
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

/** One attribute set of one peer on its way in. The sets it makes are settled by close(). */
export class Importer {
  readonly #sets: AttributeSets;
  readonly #rib: FamilyRib;
  readonly #facts: ImportFacts;
  readonly #raw: SetId;
  readonly #attributes: PathAttributes;
  readonly #refusal: Outcome | undefined;
  readonly #passed: PathAttributes;
  readonly #byRule = new Map<number, Outcome>();
  readonly #words = new Uint32Array(4);
  #rule: number | undefined; // of a policy that does not look at prefixes

  constructor(sets: AttributeSets, rib: FamilyRib, raw: SetId, facts: ImportFacts) {
    this.#sets = sets;
    this.#rib = rib;
    this.#raw = raw;
    this.#facts = facts;
    this.#attributes = sets.attributes(raw);
    const judgement = judgePath(this.#attributes, facts);
    this.#passed = judgement.kind === 'passed' ? judgement.attributes : this.#attributes;
    this.#refusal = judgement.kind === 'passed' ? undefined : refused(judgement.reason);
  }

  /** The row has the set from now on. */
  apply(row: Row): void {
    const {effective, reason} = this.#refusal ?? this.#outcome(this.#rib.paths.prefix(row));
    this.#rib.setPath(row, this.#raw, effective, reason);
  }

  close(): void {
    for (const {effective} of this.#byRule.values()) {
      if (effective !== this.#raw) this.#sets.settle(effective);
    }
  }

  #outcome(prefix: PrefixId): Outcome {
    const rule = this.#choose(prefix);
    const known = this.#byRule.get(rule);
    if (known !== undefined) return known;
    const made = rule === REJECTED ? refused('rejected by the import policy') : this.#make(rule);
    this.#byRule.set(rule, made);
    return made;
  }

  #choose(prefix: PrefixId): number {
    const policy = this.#facts.policy.importPolicy;
    if (policy === undefined) return NO_RULE;
    if (this.#rule !== undefined) return this.#rule;
    const {table, family} = this.#rib;
    const rule = policy.choose({
      family,
      words: table.words(prefix, this.#words),
      bits: table.bits(prefix),
      attributes: this.#passed,
      isLocal: false,
      isReflected: false,
    });
    if (!policy.looksAtPrefix) this.#rule = rule;
    return rule;
  }

  #make(rule: number): Outcome {
    const policy = this.#facts.policy.importPolicy;
    const chosen = policy?.apply(rule, this.#passed).attributes ?? this.#passed;
    const final = finishImport(chosen, this.#facts);
    const isUnchanged = final === this.#attributes;
    const nextHop = this.#sets.nextHop(this.#raw);
    const effective = isUnchanged ? this.#raw : this.#sets.internOwn(final, nextHop);
    return {effective, reason: 0};
  }
}

export function factsOf(entry: PeerEntry, options: RibOptions): ImportFacts | undefined {
  const {policy, last} = entry;
  return last && {options, policy, session: last};
}

function refused(reason: Reason): Outcome {
  return {effective: 0, reason: REASONS.indexOf(reason)};
}
