/**
 * What a policy is to the RIB: a choice among rules, and what the chosen rule makes of a path. Pure.
 *
 * The two steps are apart because their costs are: `choose` may look at the prefix and runs once a path,
 * `apply` looks at attributes alone, so that the RIB calls it once for each (attribute set, rule).
 */
import type {PathAttributes} from '../wire/attributes.js';
import type {Family} from '../wire/family.js';

/** Of the path that is judged; `words` as in NlriCursor, a view that the callee must not keep. */
export interface PolicySubject {
  readonly family: Family;
  readonly words: Uint32Array;
  readonly bits: number;
  readonly attributes: PathAttributes;
  readonly isLocal: boolean; // originated by this speaker
  readonly isReflected: boolean; // learnt over iBGP and about to go out over iBGP
}

export interface Policy {
  /** Equal for policies that decide alike: peers with equal export share one export group. */
  readonly id: string;
  /** False: `choose` gives one answer for one attribute set, and may be asked once for it. */
  readonly looksAtPrefix: boolean;
  /** False: `choose` does not look at the subject's attributes, which may then be left empty. */
  readonly looksAtAttributes: boolean;
  /** False: `apply` of that rule gives back what it is given, without next hop or prepending. */
  changes(rule: number): boolean;
  /** Index of the rule that accepts, or REJECTED. */
  choose(subject: PolicySubject): number;
  /** The attributes after the rule's `set`; the same object when it changes nothing. */
  apply(rule: number, attributes: PathAttributes): PolicyOutcome;
}

export interface PolicyOutcome {
  readonly attributes: PathAttributes;
  readonly nextHopSelf: boolean; // export only
  readonly prependCount: number; // export only: how many times more the local AS leads the path
  readonly setsMed: boolean; // to whatever it was: then it goes to other AS as well
}

export const REJECTED = -1;

/** The attributes of a subject, for a policy that does not look at them. */
export const UNSEEN: PathAttributes = {};

/** Of a rule that changes nothing, and where there is no policy. */
export function unchanged(attributes: PathAttributes): PolicyOutcome {
  return {attributes, nextHopSelf: false, prependCount: 0, setsMed: false};
}
