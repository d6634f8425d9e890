/** Every export group: peers with equal rules are in one. Pure to the outside. */
import type {AttributeSets} from './attribute-sets.js';
import type {Blocks} from './blocks.js';
import {groupKey, type Target} from './export.js';
import {ExportGroup} from './export-group.js';

export class ExportGroups {
  readonly #sets: AttributeSets;
  readonly #outs: Blocks;
  readonly #groups = new Map<string, ExportGroup>();
  #tooLong = 0;

  constructor(sets: AttributeSets, outs: Blocks) {
    this.#sets = sets;
    this.#outs = outs;
  }

  /** The group of peers that are sent the same as `target`, in messages of the same length. */
  of(target: Target): ExportGroup {
    const key = `${groupKey(target)} ${target.session.negotiated.maxSendOctets}`;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size > MOST_GROUPS) this.clear();
    const made = new ExportGroup(target, {
      ...{sets: this.#sets, outs: this.#outs},
      onTooLong: () => void this.#tooLong++,
    });
    this.#groups.set(key, made);
    return made;
  }

  /** Those in use go on without being shared. */
  clear(): void {
    this.#groups.clear();
  }

  /** Routes since the last call that no message of their group could carry; see RibApi. */
  takeTooLong(): number {
    const count = this.#tooLong;
    this.#tooLong = 0;
    return count;
  }
}

const MOST_GROUPS = 4096;
