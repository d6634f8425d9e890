/**
 * For tests: BgpKernel in a network namespace of its own with two links, and routes as the RIB hands
 * them out. Shell.
 *
 *   left 192.0.2.1/24 2001:db8::1/64 (metric as the kernel has it)    right 198.51.100.1/24
 */
import type {ExecutionContext} from 'ava';
import {parseAddress, parseCidr, type NextHopState, type SelectedRoute} from '#bgp-fsm';
import {createScratch, type Scratch} from '../../kernel/scratch-namespace.js';
import {BgpKernel} from './bgp-kernel.js';
import {kernelOf} from './open-kernel.js';

export async function createLinks(t: ExecutionContext): Promise<Scratch> {
  const scratch = await createScratch(t);
  const ends = ['left', 'right'];
  for (const name of ends) {
    await scratch.ip(`link add ${name} type veth peer name ${name}-far`);
    for (const end of [name, `${name}-far`]) {
      await scratch.ip(`link set ${end} addrgenmode none`);
      await scratch.ip(`link set ${end} up`);
    }
  }
  await scratch.ip('address add 192.0.2.1/24 dev left');
  await scratch.ip('-6 address add 2001:db8::1/64 dev left nodad');
  await scratch.ip('address add 198.51.100.1/24 dev right');
  return scratch;
}

export interface Running {
  readonly kernel: BgpKernel;
  readonly stale: Readonly<Record<'ipv4' | 'ipv6', number>>;
  readonly states: NextHopState[]; // all that was said
  readonly warnings: string[];
}

export async function startKernel(
  t: ExecutionContext,
  scratch: Scratch,
  {resyncMs = 60_000} = {},
): Promise<Running> {
  const states: NextHopState[] = [];
  const warnings: string[] = [];
  const kernel = new BgpKernel({
    ...kernelOf({path: scratch.path}),
    log: {info: () => undefined, warn: (_fields, message) => warnings.push(message)},
    resyncMs,
    onNextHops: changes => states.push(...changes),
  });
  t.teardown(() => kernel.stop());
  const stale = await kernel.start();
  return {kernel, stale, states, warnings};
}

export type Hops = SelectedRoute['nextHops'];

/** '192.0.2.2', 'fe80::2%5' (a number: the link), with '*3' a weight. */
export function hops(...texts: readonly string[]): Hops {
  return texts.map(text => {
    const [, address = '', link = '0', weight = '1'] =
      /^([^%*]+)(?:%(\d+))?(?:\*(\d+))?$/.exec(text) ?? [];
    const octets = parseAddress(address);
    if (octets === undefined) throw new Error(text);
    return {address: octets, ifindex: Number(link), weight: Number(weight)};
  });
}

export function route(prefix: string, nextHops: Hops): SelectedRoute {
  const parsed = parseCidr(prefix);
  if (parsed === undefined) throw new Error(prefix);
  const family = parsed.address.length === 4 ? 'ipv4' : 'ipv6';
  return {family, ...parsed, nextHops, attributes: undefined};
}

/** '10.0.0.0/24', '10.0.1.0/24' and on; fd00:… for IPv6. */
export function prefixes(family: 'ipv4' | 'ipv6', count: number): string[] {
  return Array.from({length: count}, (_, n) =>
    family === 'ipv4'
      ? `10.${n >> 8}.${n & 255}.0/24`
      : `fd00:${(n >> 16).toString(16)}:${(n & 0xffff).toString(16)}::/48`,
  );
}

/** What it says goes into the namespace's own monitor from now on; `lines` grows. */
export function isOurs(line: string): boolean {
  return / metric 2084\b/.test(line) || /\bid 14[23]\d{7}\b/.test(line);
}
