/**
 * The VXLAN device, and the state of pods' links. Pure.
 *
 * What the kernel cannot change on a living device (network identifier, port, addresses it runs
 * between, learning) makes us delete it and create it anew; the rest is set in place. A device that
 * is as desired is not touched: everything that hangs on it would go with it.
 */
import {equalOctets} from '../kernel/key.js';
import type {Desired} from '../desired/desired.js';
import type {DesiredDevice} from '../desired/tables.js';
import type {KernelLink, LinkSettings} from '../kernel/port.js';
import {type PlannedOp} from './plan.js';

export interface DevicePlan {
  readonly ops: readonly PlannedOp[];
  readonly isNew: boolean; // the device gets a new interface number
  /** Somebody else's interface has the name; it is left alone. */
  readonly conflict?: string;
}

type Links = ReadonlyMap<string, KernelLink>;

export function planDevice(desired: DesiredDevice, links: Links): DevicePlan {
  const {name, mac, mtu, vni, port, local, underlay} = desired;
  const current = links.get(name);
  const vxlan = {vni, port, local, underlay, learning: false};
  const create: PlannedOp = {key: name, op: {kind: 'add-vxlan', link: {name, mac, mtu, vxlan}}};
  if (current === undefined) {
    const renamed = [...links.values()].find(link => isOursByAnotherName(desired, link));
    return {ops: renamed ? [planRemoval(renamed), create] : [create], isNew: true};
  }
  if (current.kind !== 'vxlan') {
    const conflict = `interface ${name} is somebody else's (${current.kind ?? 'no vxlan'})`;
    return {ops: [], isNew: false, conflict};
  }
  if (!isSameVxlan(desired, current)) return {ops: [planRemoval(current), create], isNew: true};
  const settings = planSettings(desired, current);
  const ops =
    settings === undefined ? [] : [{key: name, op: {kind: 'set-link', link: settings}} as const];
  return {ops, isNew: false};
}

/** The host ends of pods that somebody has set down: no route can be put on them. */
export function planPodLinks({routes}: Pick<Desired, 'routes'>, links: Links): PlannedOp[] {
  const ops = new Map<string, PlannedOp>();
  for (const {via} of routes.values()) {
    const link = via.kind === 'device' ? links.get(via.name) : undefined;
    if (link === undefined || link.isUp) continue;
    const {index, name} = link;
    ops.set(name, {key: name, op: {kind: 'set-link', link: {index, name, isUp: true}}});
  }
  return [...ops.values()];
}

/** Devices that an earlier configuration needed. */
export function planLeftoverDevices(desired: DesiredDevice | undefined, links: Links): PlannedOp[] {
  const ours = [...links.values()].filter(
    ({name, kind}) => kind === 'vxlan' && /^twill\.\d+$/.test(name) && name !== desired?.name,
  );
  return ours.map(planRemoval);
}

function planRemoval({index, name}: KernelLink): PlannedOp {
  return {key: name, op: {kind: 'delete-link', link: {index, name}}};
}

/** It holds the identifier, so the kernel would refuse another; its MAC says that it is ours. */
function isOursByAnotherName({vni, port, mac}: DesiredDevice, link: KernelLink): boolean {
  return link.vxlan?.vni === vni && link.vxlan.port === port && equalOctets(link.mac, mac);
}

function isSameVxlan(desired: DesiredDevice, {vxlan}: KernelLink): boolean {
  return (
    vxlan !== undefined &&
    vxlan.vni === desired.vni &&
    vxlan.port === desired.port &&
    vxlan.underlay === desired.underlay &&
    !vxlan.learning &&
    equalOctets(vxlan.local, desired.local)
  );
}

function planSettings({mac, mtu}: DesiredDevice, current: KernelLink): LinkSettings | undefined {
  const {index, name} = current;
  const changes = {
    ...(!equalOctets(current.mac, mac) && {mac}),
    ...(current.mtu !== mtu && {mtu}),
    ...(!current.isUp && {isUp: true as const}),
  };
  return Object.keys(changes).length === 0 ? undefined : {index, name, ...changes};
}
