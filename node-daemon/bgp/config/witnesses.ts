/**
 * Whether a selector selects any node, asked in each derivation of some hundred selectors and ten thousand nodes:
 * the node that was found for it last is asked first. A memory of one derivation back; it changes nothing but the
 * cost of the next.
 */
import {matchesSelector, type LabelSelector} from '../../datastore/records/selector.js';
import type {Peer} from '../../state/peer.js';
import type {BgpInput} from './input.js';

export class Witnesses {
  readonly #before: ReadonlyMap<string, string>;
  readonly #found = new Map<string, string>(); // names of nodes

  constructor(before?: Witnesses) {
    this.#before = before === undefined ? new Map() : before.#found;
  }

  /** `key` names what has the selector; no two may have one. */
  selectsNobody(
    key: string,
    selector: LabelSelector,
    {state: {nodes}, labels}: Pick<BgpInput, 'state' | 'labels'>,
  ): boolean {
    if (matchesSelector(selector, labels)) return false;
    const last = nodes.get(this.#before.get(key) ?? '');
    const isSelected = (node: Peer) => matchesSelector(selector, node.labels);
    const found = last && isSelected(last) ? last : [...nodes.values()].find(isSelected);
    if (found !== undefined) this.#found.set(key, found.name);
    return found === undefined;
  }
}
