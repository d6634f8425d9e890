/**
 * Which of the two iptables to write to. Pure.
 *
 * A kernel can hold two sets of rules at once, one written by iptables-nft and one by
 * iptables-legacy, and both take effect. Rules split over both are a trap for whoever reads one of
 * them, so ours go where the host's are. The order of the questions is that of Kubernetes'
 * iptables-wrapper: first the chain that every kubelet since 1.17 leaves as a hint, then whoever has
 * more rules. Our own rules do not count: they are there because of an earlier answer.
 *
 * A node often starts before its kubelet, kube-proxy or Docker have written anything, so the question is
 * asked again later (isDeserted).
 */
import type {RuleSet} from './iptables-save.js';

export type Backend = 'nft' | 'legacy';

/** What one backend holds, both families together; or why it cannot be asked. */
export type Holding =
  | {readonly kind: 'usable'; readonly kubelet: boolean; readonly rules: number}
  | {readonly kind: 'unusable'; readonly reason: string};

export type BackendChoice =
  | {readonly kind: 'chosen'; readonly backend: Backend; readonly reason: string}
  | {readonly kind: 'none'; readonly reason: string};

export function chooseBackend(nft: Holding, legacy: Holding): BackendChoice {
  const chosen = (backend: Backend, reason: string) => ({kind: 'chosen', backend, reason}) as const;
  if (nft.kind === 'unusable' && legacy.kind === 'unusable') {
    return {kind: 'none', reason: `${nft.reason}; ${legacy.reason}`};
  }
  if (nft.kind === 'unusable') return chosen('legacy', nft.reason);
  if (legacy.kind === 'unusable') return chosen('nft', 'the only one that works');
  if (nft.kubelet) return chosen('nft', "kubelet's chains are there");
  if (legacy.kubelet) return chosen('legacy', "kubelet's chains are there");
  const counts = `${nft.rules} rules of others in nft, ${legacy.rules} in legacy`;
  return chosen(legacy.rules > nft.rules ? 'legacy' : 'nft', counts);
}

/**
 * Nobody but us is in `current`, and somebody is in `other`. Never true when rules of others are in both:
 * one that refuses in `current` needs our accepting rule beside it, and counts go up and down.
 */
export function isDeserted(current: Holding, other: Holding): boolean {
  return current.kind === 'usable' && !hasOthers(current) && hasOthers(other);
}

export function hasOthers(holding: Holding): boolean {
  return holding.kind === 'usable' && (holding.kubelet || holding.rules > 0);
}

/** `refusals`: built-in chains with another policy than ACCEPT, each as good as a rule. */
export function holdingOf(families: readonly RuleSet[], refusals = 0): Holding {
  let rules = refusals;
  let kubelet = false;
  for (const table of families.flatMap(family => [...family.values()])) {
    for (const [chain, ruleTexts] of table) {
      kubelet ||= chain === 'KUBE-IPTABLES-HINT' || chain === 'KUBE-KUBELET-CANARY';
      if (chain.startsWith('TWILL-')) continue;
      rules += ruleTexts.filter(rule => !rule.includes('-j TWILL-')).length;
    }
  }
  return {kind: 'usable', kubelet, rules};
}
