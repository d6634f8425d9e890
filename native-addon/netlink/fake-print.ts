/** The fake kernel's state as text, close to what `ip` and `bridge` print: for assertions. Pure. */
import type {FakeState} from './fake-state.js';
import type {Link} from './link.js';
import type {Neighbour} from './neighbour.js';
import {formatIp, formatMac} from './request.js';
import type {Route} from './route.js';

/** One line an object, sorted within each kind. */
export function printState(state: FakeState): string {
  const name = (index: number | undefined) =>
    index === undefined ? '' : (state.links.get(index)?.name ?? `#${index}`);
  const sections = [
    [...state.links.values()].map(printLink),
    [...state.addresses.values()].map(
      a => `address ${formatIp(a.address)}/${a.bits} dev ${name(a.index)}`,
    ),
    [...state.nexthops.values()].map(n => {
      const group = n.group?.map(({id, weight}) => `${id},${weight}`).join('/');
      const gateway = n.gateway && formatIp(n.gateway);
      return line(`nexthop ${n.id}`, ['via', gateway], ['dev', name(n.oif)], ['group', group]);
    }),
    [...state.routes.values()].map(route => printRoute(route, name)),
    [...state.neighbours.values()].map(neighbour => printNeighbour(neighbour, name)),
    [...state.rules.values()].map(r => `rule ${r.priority} ${r.family} table ${r.table}`),
  ];
  return sections.flatMap(lines => lines.sort()).join('\n');
}

function printLink(link: Link): string {
  return line(
    `link ${link.name}`,
    ['kind', link.kind],
    ['mac', link.mac && formatMac(link.mac)],
    ['mtu', link.mtu],
    ['state', link.up ? 'up' : 'down'],
    ['group', link.group === 0 ? undefined : link.group],
    ['vni', link.vxlan?.vni],
    ['alias', link.alias],
  );
}

function printRoute(route: Route, name: (index: number | undefined) => string): string {
  const {destination, multipath} = route;
  return line(
    `route ${formatIp(destination.address)}/${destination.bits}`,
    ['nhid', route.nexthopId],
    ['via', route.gateway && formatIp(route.gateway)],
    ['dev', name(route.oif)],
    ['hops', multipath?.map(hop => `${name(hop.oif)},${hop.weight}`).join('/')],
    ['table', route.table],
    ['proto', route.protocol],
    ['metric', route.priority],
    ['src', route.source && formatIp(route.source)],
  );
}

function printNeighbour(held: Neighbour, name: (index: number | undefined) => string): string {
  const mac = held.mac && formatMac(held.mac);
  const destination = held.destination && formatIp(held.destination);
  if (held.family === 'bridge')
    return line(`fdb ${mac}`, ['dev', name(held.index)], ['dst', destination]);
  return line(`neighbour ${destination}`, ['dev', name(held.index)], ['mac', mac]);
}

type Part = readonly [label: string, value: string | number | undefined];

function line(subject: string, ...parts: readonly Part[]): string {
  const present = parts.filter(([, value]) => value !== undefined && value !== '');
  return [subject, ...present.map(([label, value]) => `${label} ${value}`)].join(' ');
}
