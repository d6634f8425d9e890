/**
 * For tests: the core on a real kernel, in a network namespace of its own, as node n0 of a paper
 * fleet. Its underlay interface is one end of a veth pair. Shell.
 */
import type {ExecutionContext} from 'ava';
import {parsePrefix} from '#ipam';
import {createRtnetlink} from '../kernel/rtnetlink.js';
import {createScratch, type Scratch} from '../kernel/scratch-namespace.js';
import type {Underlay} from '../state/state.js';
import {createNodeCore, type NodeCore} from './loop.js';
import {rangesOf} from './paper-fleet.js';

export async function startCore(
  t: ExecutionContext,
  existing?: Scratch,
  families: readonly ('ipv4' | 'ipv6')[] = ['ipv4', 'ipv6'],
): Promise<{scratch: Scratch; core: NodeCore}> {
  const scratch = existing ?? (await createScratch(t));
  if (existing === undefined) {
    await scratch.ip('link add uplink type veth peer name wire');
    // No link-local addresses: their duplicate detection would be news seconds later.
    for (const name of ['wire', 'uplink']) await scratch.ip(`link set ${name} addrgenmode none`);
    await scratch.ip('address add 192.0.2.1/16 dev uplink');
    await scratch.ip('-6 address add 2001:db8::1/64 dev uplink nodad');
    await scratch.ip('link set wire up');
    await scratch.ip('link set uplink up');
  }
  const kernel = createRtnetlink({namespace: {path: scratch.path}});
  const core = createNodeCore({self: {name: 'n0', uid: 'uid-0'}, kernel});
  t.teardown(async () => {
    await core.stop();
    kernel.close();
  });
  const ifindex = Number(/^\d+/.exec(await scratch.ip('-o link show uplink'))?.[0]);
  const all: Underlay['addresses'] = {
    ipv4: {address: Uint8Array.of(192, 0, 2, 1), bits: 16},
    ipv6: {address: parsePrefix('2001:db8::1/128')!.address, bits: 64},
  };
  const addresses = Object.fromEntries(families.map(family => [family, all[family]]));
  core.dispatch({kind: 'underlay', underlay: {ifindex, name: 'uplink', mtu: 1500, addresses}});
  core.dispatch({kind: 'ranges', ranges: rangesOf(0)});
  core.dispatch({kind: 'attachments', attachments: []});
  await core.start();
  return {scratch, core};
}

export function failures(core: NodeCore) {
  return Object.entries(core.health().tables).flatMap(([table, {failed}]) =>
    failed.map(({key, message}) => `${table} ${key}: ${message}`),
  );
}

export function operations(core: NodeCore): number {
  return Object.values(core.health().tables).reduce((sum, table) => sum + table.operations, 0);
}

export async function count(scratch: Scratch, command: string): Promise<number> {
  const [program = '', ...args] = command.split(' ');
  return (await scratch.run(program, args)).split('\n').filter(line => line.trim() !== '').length;
}

export async function everything(scratch: Scratch): Promise<string> {
  const commands = [
    ['ip', '-o', 'link', 'show', 'type', 'vxlan'],
    ['ip', '-o', 'address', 'show', 'dev', 'twill.4096'],
    ['ip', 'route', 'show', 'proto', '84'],
    ['ip', '-6', 'route', 'show', 'proto', '84'],
    ['ip', 'neigh', 'show', 'dev', 'twill.4096'],
    ['ip', '-6', 'neigh', 'show', 'dev', 'twill.4096'],
    ['ip', 'nexthop', 'show'],
    ['bridge', 'fdb', 'show', 'dev', 'twill.4096'],
  ] as const;
  const texts = [];
  for (const [program, ...args] of commands) {
    const text = await scratch.run(program, args).catch(() => 'none\n');
    texts.push(text.split('\n').sort().join('\n'));
  }
  return texts.join('\n');
}

export function withoutIds(text: string): string {
  return text
    .replace(/(nhid|id|^)\s*\d+:?/gm, '$1')
    .split('\n')
    .sort()
    .join('\n');
}

export async function watch(t: ExecutionContext, scratch: Scratch): Promise<{lines: string[]}> {
  const lines: string[] = [];
  const monitor = await createRtnetlink({namespace: {path: scratch.path}}).monitor({
    onChange: change => lines.push(`${change.isGone ? 'gone' : 'new'} ${change.table}`),
    onResync: why => lines.push(why),
  });
  t.teardown(() => monitor.close());
  return {lines};
}

export async function eventually(
  t: ExecutionContext,
  isSo: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 3000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) return t.fail(`not within ${withinMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
