/*
 *    host a                              host b
 *   +------------------------+          +------------------+
 *   | p1                     |-- br0 ---| p2               |
 *   | eth0: other address,   |          |                  |
 *   | smaller MTU, down, up  |          |                  |
 *   +------------------------+          +------------------+
 *
 * Claim: what happens to the underlay of a host is followed by it and by its peers, and its pods reach
 * the others again by themselves.
 */
import type {ExecutionContext} from 'ava';
import {addPod, createCluster} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {Stream} from './lab/traffic.js';
import {underlay} from './lab.js';
import {labTest} from './privileged.js';

const device = 'twill.4096';
const boundMs = 10_000;

labTest(
  'an underlay address that changes, an MTU, a link that flaps: pods reach each other again',
  async t => {
    const lab = await createCluster(t);
    const [a, b] = [lab.host('a'), lab.host('b')];
    const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];

    await moves(t, a, b);
    for (const [from, to] of [
      [p1, p2],
      [p2, p1],
    ] as const) {
      for (const address of [to.ipv4, to.ipv6]) {
        const stream = await Stream.open(from, to, address);
        await stream.flows();
        await stream.close();
      }
    }

    await a.ip('link set eth0 mtu 1400');
    await eventually(async () => (await mtuOf(a, device)) === 1350, {
      withinMs: boundMs,
      what: 'the MTU of the overlay',
    });
    const p3 = await addPod(a, 'p3');
    t.regex((await p3.run(['ip', 'link', 'show', 'eth0'])).stdout, /mtu 1350/, 'of new pods too');

    const stream = await Stream.open(p1, p2, p2.ipv4);
    await a.ip('link set eth0 down');
    await a.ip('link set eth0 up');
    await a.ip(`route replace default via ${underlay.gateway}`); // the kernel dropped it with the link
    await eventually(() => stream.flows().then(() => true), {withinMs: boundMs, what: 'traffic'});
    await stream.close();
  },
);

/** From its address to another one: b must send to the new one, in fdb and all. */
async function moves(t: ExecutionContext, a: Host, b: Host): Promise<void> {
  const old = a.address;
  const fresh = old.replace(/\d+$/, last => String(Number(last) + 100));
  const [{prefixlen} = {prefixlen: 24}] = await prefixOf(a);
  t.true(await leadsTo(b, old), 'the control: b sends to the old one');
  await a.ip(`address del ${old}/${prefixlen} dev eth0`);
  await a.ip(`address add ${fresh}/${prefixlen} dev eth0`);
  await a.ip(`route replace default via ${underlay.gateway}`); // it went with the last address
  const startMs = performance.now();
  await eventually(async () => (await leadsTo(b, fresh)) && !(await leadsTo(b, old)), {
    withinMs: boundMs,
    what: `${b.name} to send to ${fresh}`,
  });
  t.log(`followed after ${Math.round(performance.now() - startMs)} ms`);
}

async function prefixOf(host: Host): Promise<readonly {prefixlen: number}[]> {
  const [link] = await host.json<{addr_info: {family: string; prefixlen: number}[]}>(
    'ip -4 address show eth0',
  );
  return link?.addr_info ?? [];
}

async function leadsTo(host: Host, address: string): Promise<boolean> {
  const entries = await host.json<{dst?: string}>(`bridge fdb show dev ${device}`);
  return entries.some(({dst}) => dst === address);
}

async function mtuOf(host: Host, name: string): Promise<number> {
  const [link] = await host.json<{mtu: number}>(`ip link show ${name}`);
  return link?.mtu ?? 0;
}
