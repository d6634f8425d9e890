/**
 * For tests: a kernel on paper that carries out batches as the real one does, refuses on demand, and
 * shows what it holds. Written apart from objects.ts and routes.ts, so that a mistake in those is not
 * agreed to. No I/O.
 */
import type {Family} from '#bgp-fsm';
import type {BatchedRoute} from '#native-addon';
import {addressText} from '../../kernel/key.js';
import type {KernelObject, ObjectOp} from './objects.js';
import type {Refusal} from './refusals.js';
import type {Batch, ObservedRoute} from './routes.js';

interface HeldRoute {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
  readonly target: number; // 0: a foreign route in our place
}

export class PaperKernel {
  readonly objects = new Map<number, KernelObject>();
  readonly foreign = new Set<number>(); // ids of objects that others made
  readonly routes = new Map<string, HeldRoute>();
  operations = 0;
  refuse: () => Refusal | undefined = () => undefined;

  carryOut({objects, routes, garbage}: Batch): (Refusal | undefined)[] {
    return [
      ...objects.map(op => this.refuse() ?? this.#object(op)),
      ...Array.from(
        {length: routes.length},
        (_, at) => this.refuse() ?? this.#route(routes.at(at)),
      ),
      ...garbage.map(op => this.#object(op)),
    ];
  }

  /** At most so many routes of ours behind that key, in the order of keys, as the kernel's dump walks. */
  dump(family: Family, {after = '', limit = Infinity} = {}): (readonly [string, ObservedRoute])[] {
    return [...this.routes]
      .filter(([key, route]) => route.family === family && route.target !== 0 && key > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limit)
      .map(([key, {address, bits, target}]) => {
        return [key, {family, octets: address, addressAt: 0, bits, nexthopId: target}];
      });
  }

  /** With its routes and memberships, as the kernel does. */
  deleteObject(id: number): void {
    this.objects.delete(id);
    for (const [key, {target}] of this.routes) if (target === id) this.routes.delete(key);
    for (const [groupId, object] of this.objects) {
      if (object.kind !== 'group' || !object.members.some(member => member.id === id)) continue;
      const members = object.members.filter(member => member.id !== id);
      if (members.length === 0) this.deleteObject(groupId);
      else this.objects.set(groupId, {kind: 'group', members});
    }
  }

  /** 'prefix via gateways', sorted: what packets see of it. */
  print(): string[] {
    return [...this.routes].map(([key, {target}]) => `${key} via ${this.#ways(target)}`).sort();
  }

  #ways(id: number): string {
    if (this.foreign.has(id)) return 'a stranger';
    const object = this.objects.get(id);
    if (object === undefined) return 'nothing';
    if (object.kind === 'hop') return `${addressText(object.gateway)} dev ${object.ifindex}`;
    const ways = object.members.map(({id, weight}) => `${this.#ways(id)} weight ${weight}`);
    return ways.sort().join(', ');
  }

  #object({kind, id, object}: ObjectOp): Refusal | undefined {
    this.operations++;
    if (kind === 'delete') {
      if (!this.objects.has(id)) return no('ENOENT');
      this.deleteObject(id);
      return undefined;
    }
    if (this.foreign.has(id) || (kind === 'add' && this.objects.has(id))) return no('EEXIST');
    const isWhole = object.kind === 'hop' || object.members.every(({id}) => this.objects.has(id));
    if (!isWhole) return no('EINVAL');
    this.objects.set(id, object);
    return undefined;
  }

  #route({kind, family, address, bits, nexthopId: target}: BatchedRoute): Refusal | undefined {
    this.operations++;
    const key = `${addressText(address)}/${bits}`;
    const held = this.routes.get(key);
    if (kind === 'delete') {
      if (held === undefined || held.target === 0) return no('ESRCH');
      this.routes.delete(key);
      return undefined;
    }
    if (kind === 'add' && held !== undefined) return no('EEXIST');
    if (!this.objects.has(target) && !this.foreign.has(target)) return no('EINVAL');
    this.routes.set(key, {family, address, bits, target});
    return undefined;
  }
}

export function no(code: string): Refusal {
  return {code, message: `the paper kernel says ${code}`};
}
