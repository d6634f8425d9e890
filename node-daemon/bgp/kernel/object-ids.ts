/**
 * Ids of nexthop objects that are made for learnt routes. Pure. Somebody else may have one of our range:
 * it is passed over, as a route that names it would go where that object leads.
 */
import {firstBgpNexthopId, lastBgpNexthopId} from '../../kernel/bgp-objects.js';

export class ObjectIds {
  #next = firstBgpNexthopId;
  #foreign = new Set<number>();

  /** All that others have, as a dump showed. */
  setForeign(ids: ReadonlySet<number>): void {
    this.#foreign = new Set(ids);
  }

  /** The kernel said so before a dump did. */
  addForeign(id: number): void {
    this.#foreign.add(id);
  }

  take(isTaken: (id: number) => boolean): number {
    for (;;) {
      const id = this.#next;
      this.#next = id === lastBgpNexthopId ? firstBgpNexthopId : id + 1;
      if (!this.#foreign.has(id) && !isTaken(id)) return id;
    }
  }
}
