/**
 * Nexthop objects of learnt routes: one for each BGP next hop, one group for each set of several. Pure.
 *
 *   set {A, B} --- group 7 --+-- object 5: A's gateway and link
 *   set {A} ----------------/ \- object 6: B's
 *
 * Routes name an object and never change when the way to a next hop does: then the object is replaced,
 * or a group written without it, whatever the number of routes. So an object stands for a next hop of
 * BGP, not for a gateway: two next hops behind one gateway have one each.
 *
 * `held` is what we believe the kernel has, what an earlier process left included. Such an object is
 * taken over by the next hop that it fits (`claim`), and is garbage once no route names it.
 */
import {addressText, equalOctets} from '../../kernel/key.js';
import {HopSets, type Hop, type HopSet, type HopSetsOwner, type Path} from './hop-sets.js';
import {ObjectIds} from './object-ids.js';

export type KernelObject =
  | {readonly kind: 'hop'; readonly ifindex: number; readonly gateway: Uint8Array}
  | {readonly kind: 'group'; readonly members: readonly Member[]};

export interface Member {
  readonly id: number;
  readonly weight: number;
}

export interface ObjectOp {
  readonly kind: 'add' | 'replace' | 'delete';
  readonly id: number;
  readonly object: KernelObject;
}

export interface ObjectWrites {
  readonly ops: readonly ObjectOp[];
  /** Sets that have an object now and had none. */
  readonly ready: readonly HopSet[];
}

export class NextHopObjects implements HopSetsOwner {
  readonly sets = new HopSets(this);
  readonly #held = new Map<number, KernelObject>();
  readonly #owners = new Map<number, Hop | HopSet>();
  readonly #routeCounts = new Map<number, number>(); // of held objects, by routes in the kernel
  readonly #dirtyHops = new Set<Hop>();
  readonly #dirtySets = new Set<HopSet>();
  readonly #touched = new Set<number>(); // since beginObservation
  readonly #lost = new Set<number>(); // since then, by news
  readonly #ready: HopSet[] = []; // have an object since the last takeWrites
  readonly #adopted = new Map<string, number[]>(); // hops that nobody of ours wrote, by content
  #mayHaveGarbage = false;
  readonly #resolve: (hop: Hop) => Path | undefined;
  readonly #ids = new ObjectIds();

  constructor(resolve: (hop: Hop) => Path | undefined) {
    this.#resolve = resolve;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Next hops that many routes may name have changed. */
  get hasWrites(): boolean {
    return this.#dirtyHops.size > 0 || this.#dirtySets.size > 0;
  }

  hopCame(hop: Hop): void {
    hop.path = this.#resolve(hop);
    this.#dirtyHops.add(hop);
  }

  hopWent(hop: Hop): void {
    this.#dirtyHops.delete(hop);
    this.#owners.delete(hop.id);
  }

  setCame(set: HopSet): void {
    if (set.hops.length > 1) this.#dirtySets.add(set);
  }

  setWent(set: HopSet): void {
    this.#mayHaveGarbage = true;
    this.#dirtySets.delete(set);
    this.#owners.delete(set.groupId);
  }

  /** The object that routes of the set name; 0 while the kernel has none. */
  target(set: HopSet): number {
    const id = set.hops.length === 1 ? (set.hops[0]?.hop.id ?? 0) : set.groupId;
    return this.#held.has(id) ? id : 0;
  }

  /** A route of the set names this object since before we were: it is the set's, if it fits. */
  claim(set: HopSet, id: number): void {
    const held = this.#held.get(id);
    if (held === undefined || this.#owners.has(id)) return;
    const [only, ...others] = set.hops;
    if (only !== undefined && others.length === 0) {
      this.#claimHop(only.hop, id);
    } else if (
      set.groupId === 0 &&
      held.kind === 'group' &&
      this.#claimMembers(set, held.members)
    ) {
      set.groupId = id;
      this.#owners.set(id, set);
      this.#ready.push(set);
    }
  }

  setPath(hop: Hop, path: Path | undefined): void {
    const {path: before} = hop;
    const isSame = before?.ifindex === path?.ifindex && equalOctets(before?.gateway, path?.gateway);
    if (isSame) return;
    hop.path = path;
    this.#dirty(hop);
  }

  /** What has to be written before routes are; believed to be done from now on. Hops before groups. */
  takeWrites(): ObjectWrites {
    const ops: ObjectOp[] = [];
    for (const hop of this.#dirtyHops) {
      if (hop.path === undefined) continue;
      if (hop.id === 0) this.#own(hop);
      this.#write(ops, hop.id, {kind: 'hop', ...hop.path});
    }
    this.#dirtyHops.clear();
    for (const set of this.#dirtySets) {
      const members = set.hops.flatMap(({hop, weight}) =>
        hop.path !== undefined && this.#held.has(hop.id) ? [{id: hop.id, weight}] : [],
      );
      if (members.length === 0) continue;
      if (set.groupId === 0) set.groupId = this.#takeId(set);
      this.#write(ops, set.groupId, {kind: 'group', members});
    }
    this.#dirtySets.clear();
    return {ops, ready: this.#ready.splice(0)};
  }

  /** What neither a set nor a route needs any more. Groups before hops. */
  takeDeletes(): ObjectOp[] {
    if (!this.#mayHaveGarbage) return [];
    this.#mayHaveGarbage = false;
    const garbage = [...this.#held].filter(([id]) => this.#isGarbage(id));
    const groups = garbage.filter(([, object]) => object.kind === 'group');
    for (const [id] of groups) this.#delete(id);
    const inGroups = this.#members();
    const hops = garbage.filter(([id, object]) => object.kind === 'hop' && !inGroups.has(id));
    for (const [id] of hops) this.#delete(id);
    return [...groups, ...hops].map(([id, object]) => ({kind: 'delete', id, object}));
  }

  countRoute(id: number, by: 1 | -1): void {
    const count = (this.#routeCounts.get(id) ?? 0) + by;
    if (count > 0) this.#routeCounts.set(id, count);
    else this.#routeCounts.delete(id);
    this.#mayHaveGarbage ||= count <= 0;
  }

  /** Somebody deleted it. `isRepeated`: see routes.ts. */
  noteGone(id: number, isRepeated: boolean): void {
    this.#lost.add(id);
    if (this.#isMeant(id, isRepeated)) this.#lose(id);
    for (const [groupId, object] of this.#held) {
      if (object.kind !== 'group' || !this.#isMeant(groupId, isRepeated)) continue;
      this.#loseMembers(groupId, object.members, new Set([id]));
    }
  }

  /** The kernel wrote it, and may have refused the operation before this one: then it is believed not to be there. */
  noteWritten(id: number): void {
    const owner = this.#owners.get(id);
    if (owner !== undefined && !this.#held.has(id)) this.#dirtyOwner(owner);
  }

  /** The kernel did not write it; what it has instead, an observation will tell. */
  noteRefused(id: number): void {
    this.#held.delete(id);
  }

  /** Not written, as somebody else has that id. */
  noteForeign(id: number): void {
    this.#held.delete(id);
    this.#ids.addForeign(id);
    this.#disown(id);
  }

  /** Written again by the next takeWrites, if somebody wants it. */
  retry(id: number): void {
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.#dirtyOwner(owner);
  }

  /** The link is down or gone, and with it its objects (nexthop_flush_dev). Answers which. */
  noteLinkDown(ifindex: number, isRepeated: boolean): ReadonlySet<number> {
    const gone = new Set<number>();
    for (const [id, object] of this.#held) {
      if (object.kind === 'hop' && object.ifindex === ifindex) gone.add(id);
    }
    const hops = new Set(gone);
    for (const id of hops) if (this.#isMeant(id, isRepeated)) this.#lose(id);
    for (const [id, object] of this.#held) {
      if (object.kind !== 'group' || !this.#isMeant(id, isRepeated)) continue;
      if (this.#loseMembers(id, object.members, hops)) gone.add(id);
    }
    for (const id of gone) this.#lost.add(id);
    return gone;
  }

  beginObservation(): void {
    this.#touched.clear();
    this.#lost.clear();
  }

  /** Since the observation began, with all routes and memberships: a dump may show what was before. */
  wasLost(id: number): boolean {
    return this.#lost.has(id);
  }

  /**
   * What a dump showed, ours and the ids that others have of our range; what was written or lost meanwhile is
   * left out of it. Answers which are gone.
   */
  observe(
    shown: ReadonlyMap<number, KernelObject>,
    foreign: ReadonlySet<number>,
  ): ReadonlySet<number> {
    const objects = this.#withoutLost(shown);
    this.#ids.setForeign(foreign);
    const gone = new Set<number>();
    for (const [id, held] of [...this.#held]) {
      if (this.#touched.has(id)) continue;
      const seen = objects.get(id);
      if (seen !== undefined && isSameObject(seen, held)) continue;
      if (seen === undefined) gone.add(id);
      this.#lose(id);
      if (seen !== undefined) this.#adopt(id, seen);
    }
    for (const [id, object] of objects) {
      if (!this.#held.has(id) && !this.#touched.has(id)) this.#adopt(id, object);
    }
    for (const id of foreign) if (!this.#held.has(id)) this.#disown(id);
    return gone;
  }

  #withoutLost(shown: ReadonlyMap<number, KernelObject>): ReadonlyMap<number, KernelObject> {
    if (this.#lost.size === 0) return shown;
    const left = new Map<number, KernelObject>();
    for (const [id, object] of shown) {
      if (this.#lost.has(id)) continue;
      const members =
        object.kind === 'hop' ? [] : object.members.filter(m => !this.#lost.has(m.id));
      if (object.kind === 'hop') left.set(id, object);
      else if (members.length > 0) left.set(id, {kind: 'group', members});
    }
    return left;
  }

  #hold(id: number, object: KernelObject): void {
    if (!this.#held.has(id)) this.#ready.push(...this.#setsOf(id));
    this.#held.set(id, object);
  }

  #adopt(id: number, object: KernelObject): void {
    this.#hold(id, object);
    this.#mayHaveGarbage = true;
    if (object.kind !== 'hop' || this.#owners.has(id)) return;
    const content = contentOf(object);
    this.#adopted.set(content, [...(this.#adopted.get(content) ?? []), id]);
  }

  #dirty(hop: Hop): void {
    this.#dirtyHops.add(hop);
    for (const set of hop.sets) if (set.hops.length > 1) this.#dirtySets.add(set);
  }

  #dirtyOwner(owner: Hop | HopSet): void {
    if ('sets' in owner) this.#dirty(owner);
    else this.#dirtySets.add(owner);
  }

  #claimHop(hop: Hop, id: number): boolean {
    if (hop.id !== 0 || hop.path === undefined || this.#owners.has(id)) return hop.id === id;
    const held = this.#held.get(id);
    if (held === undefined || !isSameObject(held, {kind: 'hop', ...hop.path})) return false;
    hop.id = id;
    this.#owners.set(id, hop);
    this.#ready.push(...this.#setsOf(id)); // it is there already: no write will say so
    return true;
  }

  #claimMembers({hops}: HopSet, members: readonly Member[]): boolean {
    if (members.length !== hops.length) return false;
    const left = [...members];
    return hops.every(({hop, weight}) => {
      const at = left.findIndex(each => each.weight === weight && this.#claimHop(hop, each.id));
      if (at >= 0) left.splice(at, 1);
      return at >= 0;
    });
  }

  /** An object that fits and that most routes name already, else a new one. */
  #own(hop: Hop): void {
    const ids = this.#adopted.get(contentOf(hop.path as Path)) ?? [];
    const byRoutes = [...ids].sort((a, b) => this.#routesOf(b) - this.#routesOf(a));
    if (!byRoutes.some(id => this.#claimHop(hop, id))) hop.id = this.#takeId(hop);
  }

  #takeId(owner: Hop | HopSet): number {
    const id = this.#ids.take(each => this.#held.has(each) || this.#owners.has(each));
    this.#owners.set(id, owner);
    return id;
  }

  /** The id is somebody else's: who has it gets another one. */
  #disown(id: number): void {
    const owner = this.#owners.get(id);
    if (owner === undefined) return;
    this.#owners.delete(id);
    if ('sets' in owner) owner.id = 0;
    else owner.groupId = 0;
    this.#dirtyOwner(owner);
  }

  #write(ops: ObjectOp[], id: number, object: KernelObject): void {
    const held = this.#held.get(id);
    if (held !== undefined && isSameObject(held, object)) return;
    ops.push({kind: held === undefined ? 'add' : 'replace', id, object});
    this.#hold(id, object);
    this.#touched.add(id);
  }

  /** Whose routes name that object. */
  #setsOf(id: number): HopSet[] {
    const owner = this.#owners.get(id);
    if (owner === undefined || !('sets' in owner)) return owner === undefined ? [] : [owner];
    return [...owner.sets].filter(({hops}) => hops.length === 1);
  }

  #routesOf(id: number): number {
    return this.#routeCounts.get(id) ?? 0;
  }

  #isGarbage(id: number): boolean {
    return !this.#owners.has(id) && !this.#routeCounts.has(id);
  }

  #members(): ReadonlySet<number> {
    const groups = [...this.#held.values()].filter(object => object.kind === 'group');
    return new Set(groups.flatMap(({members}) => members.map(({id}) => id)));
  }

  #delete(id: number): void {
    this.#held.delete(id);
    this.#touched.add(id);
  }

  /** By news: those that come again are older than what was written since the observation began. */
  #isMeant(id: number, isRepeated: boolean): boolean {
    return !isRepeated || !this.#touched.has(id);
  }

  /** The kernel has it no more; who wants it has it written again. */
  #lose(id: number): void {
    const owner = this.#owners.get(id);
    this.#held.delete(id);
    if (owner !== undefined) this.#dirtyOwner(owner);
  }

  /** True when that was the last of them: an empty group goes too. */
  #loseMembers(id: number, members: readonly Member[], gone: ReadonlySet<number>): boolean {
    const left = members.filter(member => !gone.has(member.id));
    if (left.length === members.length) return false;
    const owner = this.#owners.get(id);
    if (owner !== undefined) this.#dirtyOwner(owner);
    if (left.length > 0) this.#held.set(id, {kind: 'group', members: left});
    else this.#held.delete(id);
    return left.length === 0;
  }
}

function contentOf({ifindex, gateway}: Path): string {
  return `${addressText(gateway)}%${ifindex}`;
}

export function isSameObject(a: KernelObject, b: KernelObject): boolean {
  if (a.kind === 'hop') {
    return b.kind === 'hop' && a.ifindex === b.ifindex && equalOctets(a.gateway, b.gateway);
  }
  if (b.kind !== 'group' || a.members.length !== b.members.length) return false;
  return a.members.every(member =>
    b.members.some(other => other.id === member.id && other.weight === member.weight),
  );
}
