/**
 * A kernel for tests: holds objects, says no as the real one does, forgets what hangs on what is
 * deleted, and prints itself. Shell of nothing: no I/O.
 *
 * It is written apart from reconcile/mirror.ts on purpose, with keys of its own, so that a mistake
 * in one is not agreed to by the other.
 */
import {
  PROTOCOL_TWILL,
  type KernelAddress,
  type KernelChange,
  type KernelError,
  type KernelFdbEntry,
  type KernelLink,
  type KernelNeighbour,
  type KernelNexthop,
  type KernelOp,
  type KernelPort,
  type KernelRoute,
  type MonitorHandlers,
} from './port.js';

export class FakeKernel implements KernelPort {
  links: KernelLink[] = [];
  addresses: KernelAddress[] = [];
  nexthops: KernelNexthop[] = [];
  neighbours: KernelNeighbour[] = [];
  fdb: KernelFdbEntry[] = [];
  routes: KernelRoute[] = []; // of all protocols; the dump shows ours
  /** Every operation that was tried, as text. */
  readonly tried: string[] = [];
  /** An error here is what the operation gets; it then changes nothing. */
  refuse: (op: KernelOp) => KernelError | undefined = () => undefined;
  /** While set, every dump fails with it. */
  dumpError: Error | undefined;
  #handlers: MonitorHandlers | undefined;
  #lastIndex = 100;

  addLink(link: Omit<KernelLink, 'index'>): KernelLink {
    const added = {...link, index: ++this.#lastIndex};
    this.links.push(added);
    return added;
  }

  /** What somebody else's change makes the monitor say. */
  tell(change: KernelChange): void {
    this.#handlers?.onChange(change);
  }

  loseNews(): void {
    this.#handlers?.onResync('the fake lost news');
  }

  dumpLinks = () => this.#dump(this.links);
  dumpAddresses = () => this.#dump(this.addresses);
  dumpNexthops = () => this.#dump(this.nexthops);
  dumpNeighbours = () => this.#dump(this.neighbours);
  dumpFdb = (index: number) => this.#dump(this.fdb.filter(entry => entry.index === index));
  dumpRoutes = () => this.#dump(this.routes.filter(({protocol}) => protocol === PROTOCOL_TWILL));

  async apply(ops: readonly KernelOp[]): Promise<readonly (KernelError | undefined)[]> {
    await Promise.resolve();
    return ops.map(op => {
      this.tried.push(op.kind);
      return this.refuse(op) ?? this.#run(op);
    });
  }

  async monitor(handlers: MonitorHandlers): Promise<{close(): void}> {
    this.#handlers = handlers;
    return {close: () => (this.#handlers = undefined)};
  }

  close(): void {}

  /** Everything, sorted; numbers that mean nothing (nexthop ids) are left out. */
  print(): string[] {
    const lines = [
      ...this.links.map(({index, name, kind, isUp}) => `link ${index} ${name} ${kind} up=${isUp}`),
      ...this.addresses.map(
        ({index, address, bits}) => `address ${hex(address)}/${bits} on ${index}`,
      ),
      ...this.nexthops.map(nexthop => `nexthop ${this.#nexthopText(nexthop)}`),
      ...this.neighbours.map(
        ({index, address, mac, isPermanent}) =>
          `neighbour ${hex(address)} ${hex(mac)} on ${index} ${isPermanent}`,
      ),
      ...this.fdb.map(
        ({index, mac, destination}) => `fdb ${hex(mac)} to ${hex(destination)} on ${index}`,
      ),
      ...this.routes.map(route => `route ${routeText(route)} ${this.#targetText(route)}`),
    ];
    return lines.sort();
  }

  async #dump<T>(objects: readonly T[]): Promise<readonly T[]> {
    await Promise.resolve();
    if (this.dumpError) throw this.dumpError;
    return objects.map(object => ({...object}));
  }

  #run(op: KernelOp): KernelError | undefined {
    switch (op.kind) {
      case 'add-vxlan': {
        const {name, mac, mtu, vxlan} = op.link;
        const isTaken = this.links.some(
          link =>
            link.name === name || (link.vxlan?.vni === vxlan.vni && link.vxlan.port === vxlan.port),
        );
        if (isTaken) return no('EEXIST');
        this.addLink({name, mac, mtu, vxlan, kind: 'vxlan', isUp: true});
        return undefined;
      }
      case 'set-link': {
        const at = this.links.findIndex(({index}) => index === op.link.index);
        if (at < 0) return no('ENODEV');
        this.links[at] = {...this.links[at]!, ...op.link};
        return undefined;
      }
      case 'delete-link':
        return this.deleteLink(op.link.index);
      case 'add-address':
        if (!this.#hasLink(op.address.index)) return no('ENODEV');
        if (this.addresses.some(each => sameAddress(each, op.address))) return no('EEXIST');
        this.addresses.push(op.address);
        return undefined;
      case 'delete-address':
        return this.#takeOut('addresses', each => sameAddress(each, op.address), 'EADDRNOTAVAIL');
      case 'add-nexthop':
        if (this.nexthops.some(({id}) => id === op.nexthop.id)) return no('EEXIST');
        return this.#addNexthop(op.nexthop);
      case 'replace-nexthop':
        this.nexthops = this.nexthops.filter(({id}) => id !== op.nexthop.id);
        return this.#addNexthop(op.nexthop);
      case 'delete-nexthop': {
        const {id} = op.nexthop;
        const error = this.#takeOut('nexthops', each => each.id === id, 'ENOENT');
        if (error === undefined)
          this.routes = this.routes.filter(({nexthopId}) => nexthopId !== id);
        return error;
      }
      case 'replace-neighbour': {
        const {neighbour} = op;
        if (!this.#hasLink(neighbour.index)) return no('ENODEV');
        this.neighbours = this.neighbours.filter(each => !sameNeighbour(each, neighbour));
        this.neighbours.push(neighbour);
        return undefined;
      }
      case 'delete-neighbour':
        return this.#takeOut('neighbours', each => sameNeighbour(each, op.neighbour), 'ENOENT');
      case 'replace-fdb': {
        const {entry} = op;
        if (!this.#hasLink(entry.index)) return no('ENODEV');
        const at = this.fdb.findIndex(
          each => each.index === entry.index && hex(each.mac) === hex(entry.mac),
        );
        if (at >= 0) this.fdb[at] = entry;
        else this.fdb.push(entry);
        return undefined;
      }
      case 'delete-fdb':
        return this.#takeOut('fdb', each => sameFdb(each, op.entry), 'ENOENT');
      case 'add-route':
        if (this.routes.some(each => routeText(each) === routeText(op.route))) return no('EEXIST');
        return this.#addRoute(op.route);
      case 'replace-route': {
        const error = this.#checkTarget(op.route);
        if (error !== undefined) return error;
        this.routes = this.routes.filter(each => routeText(each) !== routeText(op.route));
        return this.#addRoute(op.route);
      }
      case 'delete-route': {
        const {route} = op;
        const isIt = (each: KernelRoute) =>
          routeText(each) === routeText(route) && each.protocol === route.protocol;
        return this.#takeOut('routes', isIt, 'ESRCH');
      }
      default:
        return op satisfies never;
    }
  }

  /** With everything on it. */
  deleteLink(index: number): KernelError | undefined {
    const gone = new Set(this.nexthops.filter(each => each.index === index).map(({id}) => id));
    this.nexthops = this.nexthops.filter(({id}) => !gone.has(id));
    this.routes = this.routes.filter(
      route =>
        route.index !== index && (route.nexthopId === undefined || !gone.has(route.nexthopId)),
    );
    this.addresses = this.addresses.filter(each => each.index !== index);
    this.neighbours = this.neighbours.filter(each => each.index !== index);
    this.fdb = this.fdb.filter(each => each.index !== index);
    return this.#takeOut('links', each => each.index === index, 'ENODEV');
  }

  #addNexthop(nexthop: KernelNexthop): KernelError | undefined {
    if (!this.#hasLink(nexthop.index)) return no('ENODEV');
    this.nexthops.push(nexthop);
    return undefined;
  }

  #addRoute(route: KernelRoute): KernelError | undefined {
    const error = this.#checkTarget(route);
    if (error === undefined) this.routes.push(route);
    return error;
  }

  #checkTarget({nexthopId, index, isUnreachable}: KernelRoute): KernelError | undefined {
    if (isUnreachable === true) return undefined;
    if (nexthopId === undefined) return this.#hasLink(index) ? undefined : no('ENODEV');
    return this.nexthops.some(({id}) => id === nexthopId) ? undefined : no('EINVAL');
  }

  #hasLink(index: number | undefined): boolean {
    return this.links.some(link => link.index === index);
  }

  #takeOut<Table extends 'links' | 'addresses' | 'nexthops' | 'neighbours' | 'fdb' | 'routes'>(
    table: Table,
    isIt: (each: FakeKernel[Table][number]) => boolean,
    code: string,
  ): KernelError | undefined {
    const objects = this[table] as FakeKernel[Table][number][];
    const at = objects.findIndex(isIt);
    if (at < 0) return no(code);
    objects.splice(at, 1);
    return undefined;
  }

  #nexthopText({gateway, index, protocol, onlink}: KernelNexthop): string {
    return `${hex(gateway)} on ${index} proto ${protocol} onlink=${onlink}`;
  }

  #targetText({nexthopId, index, gateway, protocol, isUnreachable}: KernelRoute): string {
    if (isUnreachable === true) return `proto ${protocol} unreachable`;
    const nexthop = this.nexthops.find(({id}) => id === nexthopId);
    const via = nexthop ? this.#nexthopText(nexthop) : `${hex(gateway)} on ${index}`;
    return `proto ${protocol} via ${via}`;
  }
}

export function no(code: string): KernelError {
  return {code, message: `the fake says ${code}`};
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '-' : Buffer.from(bytes).toString('hex');
}

function routeText({address, bits, metric}: KernelRoute): string {
  return `${hex(address)}/${bits} metric ${metric}`;
}

function sameAddress(a: KernelAddress, b: KernelAddress): boolean {
  return a.index === b.index && hex(a.address) === hex(b.address) && a.bits === b.bits;
}

function sameNeighbour(a: KernelNeighbour, b: KernelNeighbour): boolean {
  return a.index === b.index && hex(a.address) === hex(b.address);
}

function sameFdb(a: KernelFdbEntry, b: KernelFdbEntry): boolean {
  const isSame = hex(a.mac) === hex(b.mac) && hex(a.destination) === hex(b.destination);
  return a.index === b.index && isSame;
}
