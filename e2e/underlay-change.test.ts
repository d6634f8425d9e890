/*
 *    host a                              host b
 *   +------------------------+          +------------------+
 *   | p1 --1,000 pps---------|-- br0 ---|--> p2            |
 *   | eth0: other addresses, |          |                  |
 *   | smaller MTU, down, up  |          |                  |
 *   +------------------------+          +------------------+
 *
 * Claim: what happens to the underlay of a host is followed by it and by its peers, and its pods reach
 * the others again by themselves.
 */
import type {ExecutionContext} from 'ava';
import {addPod, createCluster, resources} from './cluster.js';
import {askDaemon} from './lab/api.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import type {Pod} from './lab/pod.js';
import {Stream} from './lab/traffic.js';
import {underlay} from './lab.js';
import {labTest} from './privileged.js';

const families = ['ipv4', 'ipv6'] as const;
type Family = (typeof families)[number];

labTest('a host gets other addresses, then all get another VNI: traffic follows', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const streams = await streamsBetween(p1, p2);

  await a.killDaemon();
  const fresh = await moveAddress(a, 'ipv4');
  await t.throwsAsync(
    flow(streams, 1500),
    undefined,
    'the control: without a daemon nobody follows',
  );
  await a.startDaemon();
  await flow(streams);
  t.true(await leadsTo(b, fresh));

  for (const family of families) {
    const next = await moveAddress(a, family);
    const startMs = performance.now();
    await flow(streams);
    const isSent = () => family === 'ipv6' || leadsTo(b, next); // IPv4 carries both
    await eventually(isSent, {withinMs: boundMs, what: `${b.name} to send to ${next}`});
    logSince(t, `${family} followed`, startMs);
  }

  await moveAddress(a, 'ipv4'); // and nobody waits until that was noticed
  const startMs = performance.now();
  await lab.apply(resources().replaceAll('4096', '5000'));
  for (const host of [a, b]) {
    const isThere = async () => (await devices(host)).join() === 'twill.5000';
    await eventually(isThere, {withinMs: boundMs, what: 'the new device alone'});
  }
  await flow(streams);
  logSince(t, 'VNI followed', startMs);
  await Promise.all(streams.map(stream => stream.close()));
});

labTest('a host gets a smaller MTU: the overlay and new pods have it too', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  t.is(await mtuOf(a, 'twill.4096'), 1450);

  await a.ip('link set eth0 mtu 1400');
  const startMs = performance.now();
  await eventually(async () => (await mtuOf(a, 'twill.4096')) === 1350, {withinMs: boundMs});
  logSince(t, 'MTU followed', startMs);
  const p3 = await addPod(a, 'p3');
  t.regex((await p3.run(['ip', 'link', 'show', 'eth0'])).stdout, /mtu 1350/);
  for (const stream of await streamsBetween(p1, p2)) await stream.close();
});

labTest('a host whose link flaps goes on where it was', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const streams = await streamsBetween(p1, p2);

  await a.ip('link set eth0 down');
  await t.throwsAsync(flow(streams, 1500), undefined, 'the control: nothing flows meanwhile');
  await a.ip('link set eth0 up');
  const startMs = performance.now();
  const isChosen = async () => (await underlayOf(a)) === a.address; // IPv6 went with the link
  await eventually(isChosen, {withinMs: boundMs, what: 'the underlay'});
  logSince(t, 'chosen again', startMs);
  await a.ip(`address add ${a.address6}/64 dev eth0 nodad`);
  await restoreRoutes(a);
  await flow(streams);
  logSince(t, 'flows again', startMs);
  await Promise.all(streams.map(stream => stream.close()));
});

const boundMs = 3000;

function logSince(t: ExecutionContext, what: string, startMs: number): void {
  t.log(`${what} after ${Math.round(performance.now() - startMs)} ms`);
}

function streamsBetween(from: Pod, to: Pod): Promise<readonly Stream[]> {
  return Promise.all([to.ipv4, to.ipv6].map(address => Stream.open(from, to, address)));
}

/** @throws Error when one of them carries nothing within the time. */
async function flow(streams: readonly Stream[], withinMs = boundMs): Promise<void> {
  await Promise.all(streams.map(stream => stream.flows(10, {withinMs})));
}

/** Its address with another number at the end; what hangs on the old one goes with it. */
async function moveAddress(host: Host, family: Family): Promise<string> {
  const version = family === 'ipv4' ? '-4' : '-6';
  const [link] = await host.json<{addr_info: {local: string; prefixlen: number; scope: string}[]}>(
    `ip ${version} address show eth0`,
  );
  const old = link?.addr_info.find(({scope}) => scope === 'global');
  if (old === undefined) throw new Error(`${host.name} has no ${family} address`);
  const fresh = old.local.replace(/\d+$/, last => String(Number(last) + 50));
  await host.ip(`address del ${old.local}/${old.prefixlen} dev eth0`);
  await host.ip(
    `address add ${fresh}/${old.prefixlen} dev eth0${family === 'ipv6' ? ' nodad' : ''}`,
  );
  await restoreRoutes(host);
  return fresh;
}

/** The kernel drops default routes with the last address, and with the link. */
async function restoreRoutes(host: Host): Promise<void> {
  await host.ip(`-4 route replace default via ${underlay.gateway}`);
  await host.ip(`-6 route replace default via ${underlay.gateway6}`);
}

/** As the daemon says. */
async function underlayOf(host: Host): Promise<string | undefined> {
  const status = JSON.parse(await askDaemon(host, '/v1/status')) as NodeStatus;
  return status.underlay.address;
}

interface NodeStatus {
  readonly underlay: {readonly address?: string};
}

async function leadsTo(host: Host, address: string): Promise<boolean> {
  const [device = ''] = await devices(host);
  const entries = await host.json<{dst?: string}>(`bridge fdb show dev ${device}`);
  return entries.some(({dst}) => dst === address);
}

async function devices(host: Host): Promise<readonly string[]> {
  const links = await host.json<{ifname: string}>('ip link show type vxlan');
  return links.map(({ifname}) => ifname);
}

async function mtuOf(host: Host, name: string): Promise<number> {
  const [link] = await host.json<{mtu: number}>(`ip link show ${name}`);
  return link?.mtu ?? 0;
}
