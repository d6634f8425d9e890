/* What a picture says when changes interrupt its dumps: nothing of what only the interrupted ones showed. */
import test from 'ava';
import {parseAddress, parseCidr} from '#bgp-fsm';
import {
  FakeKernel,
  newNexthop,
  newRoute,
  setLink,
  type DumpReader,
  type Family,
  type NetlinkSocket,
  type Request,
  type Route,
} from '#native-addon';
import {firstBgpNexthopId, METRIC_BGP} from '../../kernel/bgp-objects.js';
import {takePicture} from './picture.js';
import type {ObservedRoute} from './routes.js';

const address = (text: string) => parseAddress(text)!;
const ours = {protocol: 84, priority: METRIC_BGP, nexthopId: firstBgpNexthopId};

function route(prefix: string, rest: Partial<Route> = {}): Request {
  const destination = parseCidr(prefix)!;
  const family: Family = destination.address.length === 4 ? 'ipv4' : 'ipv6';
  const base = {family, table: 254, protocol: 4, scope: 0, type: 1} as const;
  return newRoute({...base, destination, ...(rest.nexthopId ? {} : {oif: 1}), ...rest}, 'replace');
}

async function kernelWith(...requests: readonly Request[]): Promise<FakeKernel> {
  const kernel = new FakeKernel();
  const hop = {family: 'ipv4', oif: 1, gateway: address('192.0.2.2'), onlink: true} as const;
  await kernel.must([
    setLink({index: 1, up: true}),
    newNexthop({...hop, id: firstBgpNexthopId, protocol: 84}, 'replace'),
    ...requests,
  ]);
  return kernel;
}

/** Each dump of `first` is interrupted when it has shown all; then `second` is what there is. */
function interrupting(first: FakeKernel, second: FakeKernel): Pick<NetlinkSocket, 'read'> {
  return {
    async read(request: Request, reader: DumpReader): Promise<void> {
      await first.read(request, reader);
      await second.read(request, reader);
    },
  };
}

/** What is believed of ours: 'begin ipv4', '10.0.0.0/24 by 0', 'end ipv4' … */
class Listener {
  readonly heard: string[] = [];
  objects: readonly number[] = [];
  foreign: readonly number[] = [];
  misses: (family: Family) => boolean = () => false;
  beginRoutes = (family: Family) => void this.heard.push(`begin ${family}`);
  endRoutes = (family: Family) => void this.heard.push(`end ${family}`);
  observeObjects(objects: ReadonlyMap<number, unknown>, foreign: ReadonlySet<number>): void {
    this.objects = [...objects.keys()];
    this.foreign = [...foreign];
  }
  observeRoute({octets, addressAt, bits, nexthopId}: ObservedRoute): void {
    const shown = octets.subarray(addressAt, addressAt + 4).join('.');
    this.heard.push(`${shown}/${bits} by ${nexthopId - firstBgpNexthopId}`);
  }
}

test('routes of ours are told as they come, all others are ways to next hops', async t => {
  const kernel = await kernelWith(
    route('10.0.0.0/24', ours),
    route('10.0.1.0/24', {...ours, priority: 5}),
    route('10.0.2.0/24', {...ours, protocol: 4}),
    route('10.0.3.0/24', {...ours, table: 100}),
    route('192.0.2.0/24'),
  );
  const listener = new Listener();
  const underlay = await takePicture(kernel, listener);
  t.deepEqual(listener.heard, [
    ...['begin ipv4', '10.0.0.0/24 by 0', 'end ipv4'],
    ...['begin ipv6', 'end ipv6'],
  ]);
  t.deepEqual(listener.objects, [firstBgpNexthopId]);
  t.deepEqual(listener.foreign, []);
  t.is(underlay.resolve(address('10.0.0.1'), 0), undefined, 'no way by a route of ours');
  t.is(underlay.resolve(address('192.0.2.9'), 0)?.ifindex, 1);
});

test('what only interrupted dumps showed is not in the picture', async t => {
  const hop = {family: 'ipv4', oif: 1, gateway: address('192.0.2.9'), onlink: true} as const;
  const before = await kernelWith(
    newNexthop({...hop, id: firstBgpNexthopId + 1, protocol: 84}, 'replace'),
    newNexthop({...hop, id: firstBgpNexthopId + 2, protocol: 4}, 'replace'),
    newNexthop({...hop, id: 7, protocol: 4}, 'replace'),
    route('10.0.0.0/24', ours),
    route('198.51.100.0/24'),
    route('203.0.113.0/24', {nexthopId: 7}),
    route('2001:db8::/32'),
  );
  const after = await kernelWith(
    newNexthop({...hop, id: 7, protocol: 4}, 'replace'),
    route('10.0.1.0/24', ours),
    route('203.0.113.0/24', {nexthopId: 7}),
  );
  after.state.nexthops.delete(7); // without a word, with its route left
  const listener = new Listener();
  const underlay = await takePicture(interrupting(before, after), listener);
  t.deepEqual(listener.heard, [
    ...['begin ipv4', '10.0.0.0/24 by 0', 'begin ipv4', '10.0.1.0/24 by 0', 'end ipv4'],
    ...['begin ipv6', 'begin ipv6', 'end ipv6'],
  ]);
  t.deepEqual(listener.objects, [firstBgpNexthopId]);
  t.deepEqual(listener.foreign, []);
  const isKnown = (text: string) => underlay.resolve(address(text), 0) !== undefined;
  t.deepEqual(['198.51.100.1', '203.0.113.1', '2001:db8::1'].map(isKnown), [false, false, false]);
  const control = new Listener();
  const whole = await takePicture(before, control);
  t.is(control.foreign.length, 1, 'control');
  t.not(whole.resolve(address('203.0.113.1'), 0), undefined, 'control');
});

test('a link that is gone when its dump begins anew is not usable', async t => {
  const up = await kernelWith();
  const without = await kernelWith();
  without.state.links.delete(1);
  const underlay = await takePicture(interrupting(up, without), new Listener());
  t.false(underlay.isUsable(1));
  t.true((await takePicture(up, new Listener())).isUsable(1), 'control');
});

test('what an IPv6 dump does not show is looked for in two more; IPv4 is exact', async t => {
  const kernel = await kernelWith(
    route('10.0.0.0/24', ours),
    route('2001:db8::/32', {...ours, nexthopId: firstBgpNexthopId}),
    route('2001:db8:1::/48'),
  );
  const four = ['begin ipv4', '10.0.0.0/24 by 0', 'end ipv4'];
  const six = '32.1.13.184/32 by 0';
  for (const [missed, dumps] of [
    [0, 1],
    [1, 2],
    [9, 3],
  ] as const) {
    const listener = new Listener();
    let left: number = missed;
    listener.misses = family => family === 'ipv4' || left-- > 0;
    const underlay = await takePicture(kernel, listener);
    t.deepEqual(listener.heard, [
      ...four,
      'begin ipv6',
      ...Array<string>(dumps).fill(six),
      'end ipv6',
    ]);
    t.is(underlay.resolve(address('2001:db8:1::1'), 0)?.ifindex, 1);
  }
});

test('a family whose dump fails has no end', async t => {
  const kernel = await kernelWith(route('10.0.0.0/24', ours));
  kernel.inject({kind: 'refuse', op: /ipv6/, code: 'ENOMEM'});
  const listener = new Listener();
  await t.throwsAsync(takePicture(kernel, listener), {code: 'ENOMEM'});
  t.deepEqual(listener.heard.slice(0, 3), ['begin ipv4', '10.0.0.0/24 by 0', 'end ipv4']);
  t.false(listener.heard.includes('end ipv6'));
});
