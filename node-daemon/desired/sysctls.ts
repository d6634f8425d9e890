/**
 * The kernel settings without which pod traffic stops, and no others. Pure.
 *
 * Order matters: accept_ra comes before IPv6 forwarding, because switching forwarding on drops every
 * route learnt from a router advertisement on interfaces where accept_ra is not 2
 * (linux/net/ipv6/route.c, rt6_purge_dflt_routers).
 *
 * Left alone on purpose: rp_filter of the pods' host ends (each pod's route points back at its own
 * interface, so even strict filtering lets all but forged sources through) and of the underlay.
 */
import type {Family} from '#ipam';

export interface SysctlInput {
  readonly families: readonly Family[]; // those that pods have addresses of
  readonly underlays: readonly string[]; // interfaces that lead to other hosts
  readonly overlay?: string; // twill.<vni>, where there is one
}

/** Below /proc/sys. Segments, because interface names hold dots. */
export type SysctlPath = readonly string[];

export type Sysctl =
  | {readonly kind: 'value'; readonly path: SysctlPath; readonly value: string}
  /**
   * Strict reverse path filtering (1) becomes loose (2): a host that uses its underlay address to
   * reach a pod arrives over the overlay, while the way back to it is the underlay. The kernel
   * takes the larger of `all` and the interface's.
   */
  | {readonly kind: 'looseRpFilter'; readonly path: SysctlPath; readonly all: SysctlPath}
  /**
   * A host that follows router advertisements goes on doing so when it starts to forward: 1 becomes
   * 2. Where forwarding is on already, 1 meant "ignore them", and still does.
   */
  | {
      readonly kind: 'keepAdvertisements';
      readonly path: SysctlPath;
      readonly forwarding: SysctlPath;
    };

export function desireSysctls({families, underlays, overlay}: SysctlInput): readonly Sysctl[] {
  const sysctls: Sysctl[] = [];
  const devices = overlay === undefined ? underlays : [...underlays, overlay];
  if (families.includes('ipv4')) {
    sysctls.push(value(['net', 'ipv4', 'ip_forward'], '1'));
    // The kernel asks the interface a packet comes in by; pods' interfaces are born with the default.
    for (const device of ['default', ...devices]) {
      sysctls.push(value(['net', 'ipv4', 'conf', device, 'forwarding'], '1'));
    }
    if (overlay !== undefined) sysctls.push(looseRpFilter(overlay));
  }
  if (families.includes('ipv6')) {
    const forwarding = ['net', 'ipv6', 'conf', 'all', 'forwarding'];
    for (const device of underlays) {
      const path = ['net', 'ipv6', 'conf', device, 'accept_ra'];
      sysctls.push({kind: 'keepAdvertisements', path, forwarding});
    }
    sysctls.push(value(forwarding, '1'));
    if (overlay !== undefined) {
      sysctls.push(value(['net', 'ipv6', 'conf', overlay, 'disable_ipv6'], '0'));
    }
  }
  return sysctls;
}

/** As sysctl(8) spells it: dots between segments, a slash for a dot inside one. */
export function sysctlKey(path: SysctlPath): string {
  return path.map(segment => segment.replaceAll('.', '/')).join('.');
}

/** True for settings of one interface, which may not exist yet or any more. */
export function isOfInterface(path: SysctlPath): boolean {
  const device = path[2] === 'conf' ? path[3] : undefined;
  return device !== undefined && device !== 'all' && device !== 'default';
}

function value(path: SysctlPath, wanted: string): Sysctl {
  return {kind: 'value', path, value: wanted};
}

function looseRpFilter(device: string): Sysctl {
  const conf = ['net', 'ipv4', 'conf'];
  return {
    kind: 'looseRpFilter',
    path: [...conf, device, 'rp_filter'],
    all: [...conf, 'all', 'rp_filter'],
  };
}
