/**
 * Policies that were compiled once, by what they are made of: a node that joins a large cluster changes
 * none of them, or few. A memory of one derivation back; it changes nothing but the cost of the next.
 */
import {compilePolicy, type Policy, type PolicyRule} from '#bgp-fsm';

export class PolicyShelf {
  readonly #before: ReadonlyMap<string, Policy>;
  readonly #policies = new Map<string, Policy>();

  constructor(before?: PolicyShelf) {
    this.#before = before === undefined ? new Map() : before.#policies;
  }

  /** `key` tells all that the rules depend on. */
  get(direction: 'import' | 'export', key: string, rules: () => readonly PolicyRule[]): Policy {
    const full = `${direction} ${key}`;
    const policy =
      this.#policies.get(full) ?? this.#before.get(full) ?? compilePolicy(rules(), direction);
    this.#policies.set(full, policy);
    return policy;
  }
}
