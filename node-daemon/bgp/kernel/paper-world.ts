/**
 * For tests: learnt routes on a kernel on paper, with batches that are on their way for as long as a test likes.
 */
import {addressText} from '../../kernel/key.js';
import type {Hop, Path} from './hop-sets.js';
import {PaperKernel} from './paper-kernel.js';
import {families, LearntRoutes, type Batch} from './routes.js';
import {hops, route, type Hops} from './scratch-kernel.js';

export const gateways = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1', '2001:db8::2'];
export const sets: readonly Hops[] = [
  hops(gateways[0]!),
  hops(gateways[1]!),
  hops(gateways[0]!, gateways[1]!),
  hops(gateways[0]!, gateways[1]!, `${gateways[2]!}*5`),
  hops(gateways[3]!),
  hops(gateways[3]!, gateways[4]!),
];

/** The world: how next hops are reached, what is to be there, and the kernel. */
export class World {
  readonly kernel = new PaperKernel();
  readonly unreachable = new Set<string>();
  readonly ways = new Map<string, string>(); // by gateway: recursive next hops
  readonly wanted = new Map<string, Hops>();
  readonly underWay: Batch[] = [];
  isInstalling = true;
  nowMs = 0;
  routes = new LearntRoutes(hop => this.resolve(hop));

  readonly resolve = ({address}: Pick<Hop, 'address'>): Path | undefined => {
    const text = addressText(address);
    if (this.unreachable.has(text)) return undefined;
    const way = this.ways.get(text);
    return {ifindex: 4, gateway: way === undefined ? address : hops(way)[0]!.address};
  };

  select(prefix: string, nextHops: Hops): void {
    if (nextHops.length === 0) this.wanted.delete(prefix);
    else this.wanted.set(prefix, nextHops);
    this.routes.select(route(prefix, nextHops));
  }

  /** As the speaker does: all that is selected is so once more. */
  install(isWanted: boolean): void {
    this.isInstalling = isWanted;
    this.routes.install(isWanted);
    if (!isWanted) return;
    for (const [prefix, nextHops] of this.wanted) this.routes.select(route(prefix, nextHops));
  }

  /** One batch there and back, behind those that are on their way. */
  step(limit = 100): boolean {
    const isDoubtful = this.land();
    this.send(limit);
    return this.land() || isDoubtful;
  }

  /** Two are on their way at most, as of a RouteWriter. */
  send(limit: number): void {
    if (this.underWay.length < 2) this.underWay.push(this.routes.plan(limit, this.nowMs));
  }

  land(): boolean {
    const landed = this.underWay
      .splice(0)
      .map(batch => ({batch, errors: this.kernel.carryOut(batch)}));
    return landed
      .map(({batch, errors}) => this.routes.settle(batch, errors, this.nowMs))
      .includes(true);
  }

  look(): void {
    this.routes.beginObservation();
    this.land();
    this.routes.observeObjects(new Map(this.kernel.objects), new Set(this.kernel.foreign));
    for (const family of families) {
      this.routes.beginRoutes(family);
      for (const [, route] of this.kernel.dump(family)) this.routes.observeRoute(route);
      this.routes.endRoutes(family);
    }
    this.routes.endObservation();
  }

  /** A new process: what the kernel has is stale, and is selected again. */
  restart(): void {
    this.land();
    this.routes = new LearntRoutes(this.resolve);
    this.look();
    if (!this.isInstalling) this.routes.install(false);
    for (const [prefix, nextHops] of this.wanted) this.routes.select(route(prefix, nextHops));
  }

  /** Until nothing is left to do; doubts are looked into. */
  settle(): void {
    for (let round = 0; round < 40; round++) {
      if (this.step()) this.look();
      this.nowMs += 31_000;
    }
  }

  expected(): string[] {
    if (!this.isInstalling) return [];
    const way = ({address}: Hops[number]) => {
      const path = this.resolve({address});
      return path && `${addressText(path.gateway)} dev 4`;
    };
    return [...this.wanted]
      .map(([prefix, nextHops]) => {
        const [only, ...others] = nextHops;
        if (others.length === 0) return `${prefix} via ${way(only!)}`;
        const ways = nextHops.flatMap(hop =>
          way(hop) ? [`${way(hop)} weight ${hop.weight}`] : [],
        );
        return `${prefix} via ${ways.sort().join(', ')}`;
      })
      .sort();
  }
}

/** Numbers that look random, the same for the same seed. */
export function lehmer(seed: number): (below: number) => number {
  let state = seed + 1;
  return below => (state = Number((BigInt(state) * 48_271n) % 2_147_483_647n)) % below;
}
