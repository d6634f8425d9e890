/** Routes that the speaker originates, as paths of its own. Pure to the outside. */
import {EMPTY} from '../wire/bytes.js';
import {FAMILIES} from '../wire/family.js';
import {wordsOf} from '../wire/nlri.js';
import type {AttributeSets} from './attribute-sets.js';
import type {FamilyRibs} from './family-rib.js';
import {LOCAL} from './paths.js';
import type {LocalRoute} from './types.js';

const words = new Uint32Array(4);

export class LocalRoutes {
  readonly #sets: AttributeSets;
  readonly #families: FamilyRibs;
  #epoch = 1; // of this call of set(): what is of another one is no longer wanted

  constructor(sets: AttributeSets, families: FamilyRibs) {
    this.#sets = sets;
    this.#families = families;
  }

  /** All of them. */
  set(routes: readonly LocalRoute[]): void {
    const epoch = ++this.#epoch;
    for (const {family, address, bits, attributes} of routes) {
      const rib = this.#families[family];
      const prefix = rib.table.ensure(wordsOf(address, words), bits);
      const {origin = 0, asPath = [], ...rest} = attributes;
      const set = this.#sets.internOwn({origin, asPath, ...rest}, EMPTY);
      rib.putPath(prefix, LOCAL, 0, {raw: set, effective: set, reason: 0, epoch});
    }
    for (const family of FAMILIES) {
      const rib = this.#families[family];
      rib.removePaths(LOCAL, row => rib.paths.epoch(row) < epoch);
    }
  }
}
