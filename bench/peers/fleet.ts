/**
 * Hosts that exist as records only, and the same as commands for `ip` and `bridge`. Pure.
 *
 * Host n: underlay 198.18.0.0 + n (RFC 2544 §C.2.2: for benchmarks), the n-th /26 of 10.128.0.0/9,
 * whose first address is its end of the overlay.
 */
export const fleetPrefix = '/twill/v1/nodes/bench-';

export interface FleetHost {
  readonly number: number; // from 1
  readonly underlay: string;
  readonly gateway: string;
  readonly range: string;
  readonly mac: string;
}

export function fleet(count: number): readonly FleetHost[] {
  return Array.from({length: count}, (_, index) => fleetHost(index + 1));
}

/** Key and value in etcd, as a daemon writes it about itself. */
export function toRecord({
  number,
  underlay,
  gateway,
  range,
  mac,
}: FleetHost): readonly [string, string] {
  const name = `bench-${number}`;
  const uid = `00000000-0000-4000-8000-${hex(number, 12)}`;
  const record = {
    apiVersion: 'twill.io/v1',
    kind: 'Node',
    metadata: {name, uid, labels: {}, creationTimestamp: '2026-01-01T00:00:00.000Z'},
    spec: {address: underlay, ranges: [range], vxlan: {mac, address: gateway}},
  };
  return [`${fleetPrefix}${number}`, JSON.stringify(record)];
}

export interface Commands {
  readonly bridge: string; // for bridge -batch
  readonly ip: string; // for ip -batch
}

/** One route per host by its gateway: what flannel writes. */
export function toGatewayCommands(hosts: readonly FleetHost[], device: string): Commands {
  const route = ({range, gateway}: FleetHost) =>
    `route add ${range} via ${gateway} dev ${device} onlink proto 84`;
  return {bridge: toFdb(hosts, device), ip: lines(hosts, [toNeighbour(device), route])};
}

/** One nexthop object per host, and routes by its number: what twill writes. */
export function toNexthopCommands(hosts: readonly FleetHost[], device: string): Commands {
  const nexthop = ({number, gateway}: FleetHost) =>
    `nexthop add id ${number} via ${gateway} dev ${device} onlink proto 84`;
  const route = ({number, range}: FleetHost) => `route add ${range} nhid ${number} proto 84`;
  return {bridge: toFdb(hosts, device), ip: lines(hosts, [nexthop, toNeighbour(device), route])};
}

function toFdb(hosts: readonly FleetHost[], device: string): string {
  return lines(hosts, [
    ({mac, underlay}) => `fdb add ${mac} dev ${device} dst ${underlay} self permanent`,
  ]);
}

function toNeighbour(device: string) {
  return ({gateway, mac}: FleetHost) =>
    `neigh add ${gateway} lladdr ${mac} dev ${device} nud permanent`;
}

/** One table after the other, as a daemon writes them. */
function lines(
  hosts: readonly FleetHost[],
  commands: readonly ((host: FleetHost) => string)[],
): string {
  return commands.map(command => hosts.map(host => `${command(host)}\n`).join('')).join('');
}

function fleetHost(number: number): FleetHost {
  const range = quad(0x0a800000 + number * 64);
  const mac = `02${hex(number, 10).replace(/../g, ':$&')}`;
  return {number, underlay: quad(0xc6120000 + number), gateway: range, range: `${range}/26`, mac};
}

function quad(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
