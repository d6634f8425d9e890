/*
 * Learnt routes in a real kernel, in a namespace of its own; routes are handed over as the RIB does.
 */
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import type {ExecutionContext} from 'ava';
import {kernelTest, type Scratch} from '../../kernel/scratch-namespace.js';
import {firstBgpNexthopId} from '../../kernel/bgp-objects.js';
import {eventually} from '../../reconcile/scratch-core.js';
import {createLinks, hops, prefixes, route, startKernel} from './scratch-kernel.js';

const ours = {
  ipv4: 'route show proto 84 metric 2084',
  ipv6: '-6 route show proto 84 metric 2084',
  objects: 'nexthop show proto 84',
};

kernelTest('routes of both families with one next hop and with several', [], async t => {
  const scratch = await createLinks(t);
  const {kernel} = await startKernel(t, scratch);
  const one = hops('192.0.2.2');
  const two = hops('192.0.2.2*3', '198.51.100.2');
  const six = hops('2001:db8::2');
  await kernel.select([
    route('10.0.0.0/24', one),
    route('10.0.1.0/24', one),
    route('10.0.2.0/24', two),
    route('10.0.3.0/24', hops('198.51.100.2', '192.0.2.2*3')), // another object, the same set
    route('0.0.0.0/0', one),
    route('fd00:1::/48', six),
    route('::/0', six),
  ]);
  await kernel.settled();

  const text = squeezed(await scratch.ip(ours.ipv4));
  t.regex(text, /10\.0\.0\.0\/24 nhid \d+ via 192\.0\.2\.2 dev left/);
  t.regex(text, /default nhid \d+ via 192\.0\.2\.2 dev left/);
  const [, group] = /10\.0\.2\.0\/24 nhid (\d+)/.exec(text) ?? [];
  t.regex(text, new RegExp(`10\\.0\\.3\\.0/24 nhid ${group} `), 'one group for one set');
  t.regex(text, /nexthop via 192\.0\.2\.2 dev left weight 3/);
  t.regex(text, /nexthop via 198\.51\.100\.2 dev right weight 1/);
  const six6 = await scratch.ip(ours.ipv6);
  t.regex(six6, /fd00:1::\/48 nhid \d+ via 2001:db8::2 dev left/);
  t.regex(six6, /default nhid \d+ via 2001:db8::2 dev left/);
  t.is(await lineCount(scratch, ours.objects), 4, 'three next hops and a group');

  await kernel.select([
    route('10.0.2.0/24', one),
    route('10.0.3.0/24', []),
    route('fd00:1::/48', []),
    route('::/0', []),
  ]);
  await kernel.settled();
  t.is(await lineCount(scratch, ours.ipv4), 4);
  t.is(await scratch.ip(ours.ipv6), '');
  t.is(await lineCount(scratch, ours.objects), 1, 'what no route needs is gone');
  t.is(kernel.status().refused, 0);
});

kernelTest('ids that somebody else has are passed over', [], async t => {
  const scratch = await createLinks(t);
  const foreign = [0, 1].map(n => firstBgpNexthopId + n);
  for (const id of foreign) {
    await scratch.ip(`nexthop add id ${id} via 198.51.100.9 dev right protocol static`);
  }
  const before = await scratch.ip('nexthop show proto 4');
  const {kernel} = await startKernel(t, scratch);
  await kernel.select([route('10.0.0.0/24', hops('192.0.2.2'))]);
  await kernel.select([route('fd00:1::/48', hops('2001:db8::2'))]);
  await kernel.settled();
  t.regex(await scratch.ip(ours.ipv4), /via 192\.0\.2\.2 dev left/);
  t.regex(await scratch.ip(ours.ipv6), /via 2001:db8::2 dev left/);
  t.is(kernel.status().refused, 0);

  const next = firstBgpNexthopId + 4; // after the two of ours, with nobody told in time
  await scratch.ip(`nexthop add id ${next} via 198.51.100.9 dev right protocol static`);
  await kernel.select([route('10.0.1.0/24', hops('192.0.2.3'))]);
  const isRight = async () =>
    /10\.0\.1\.0\/24 nhid \d+ via 192\.0\.2\.3 dev left/.test(await scratch.ip(ours.ipv4));
  await eventually(t, isRight, 'a route by an object of ours');
  t.true((await scratch.ip('nexthop show proto 4')).startsWith(before));
});

kernelTest('IPv4 by an IPv6 link-local next hop (RFC 8950), and weights', [], async t => {
  const scratch = await createLinks(t);
  const {kernel} = await startKernel(t, scratch);
  const [left, right] = await Promise.all([indexOf(scratch, 'left'), indexOf(scratch, 'right')]);
  await kernel.select([
    route('10.0.0.0/24', hops(`fe80::2%${left}`)),
    route('10.0.1.0/24', hops(`fe80::2%${left}*256`, `fe80::2%${right}*1`)),
  ]);
  await kernel.settled();
  const text = squeezed(await scratch.ip(ours.ipv4));
  t.regex(text, /10\.0\.0\.0\/24 nhid \d+ via inet6 fe80::2 dev left/);
  t.regex(text, /nexthop via inet6 fe80::2 dev left weight 255/, 'as much as old kernels take');
  t.regex(text, /nexthop via inet6 fe80::2 dev right weight 1/);
});

kernelTest(
  'a restart takes over what is equal without a word to the kernel, then sweeps the rest',
  [],
  async t => {
    const scratch = await createLinks(t);
    const first = await startKernel(t, scratch);
    const four = prefixes('ipv4', 300);
    const six = prefixes('ipv6', 300);
    const sets = [hops('192.0.2.2'), hops('192.0.2.3'), hops('192.0.2.2', '198.51.100.2*2')];
    const selected = () => [
      ...four.map((prefix, n) => route(prefix, sets[n % 3]!)),
      ...six.map(prefix => route(prefix, sixHops)),
    ];
    const sixHops = hops('2001:db8::2', '2001:db8::3');
    await first.kernel.select(selected());
    await first.kernel.settled();
    await first.kernel.stop();

    const monitor = await listen(t, scratch);
    const second = await startKernel(t, scratch);
    t.deepEqual(second.stale, {ipv4: 300, ipv6: 300});
    const all = selected();
    const fresh = route('10.99.0.0/16', hops('192.0.2.3'));
    const kept = [fresh, ...all.slice(3, 300).reverse(), ...all.slice(301)];
    await second.kernel.select(kept);
    await second.kernel.settled();
    await eventually(t, () => monitor.lines.length > 0, 'the fresh route');
    t.deepEqual(
      monitor.lines.filter(line => !line.includes('10.99.0.0')),
      [],
      'nothing else was said',
    );
    t.is(await lineCount(scratch, ours.ipv6), 300, 'nothing is swept before its time');

    second.kernel.sweep('ipv6');
    await eventually(t, () => deleted(monitor.lines).length === 1, 'the stale one of IPv6');
    second.kernel.sweep('ipv4');
    await eventually(t, () => deleted(monitor.lines).length === 4, 'three of IPv4');
    await second.kernel.settled();
    t.is(await lineCount(scratch, `${ours.ipv4} scope global`), 298);
    t.is(second.kernel.status().refused, 0);
  },
);

kernelTest('what somebody deletes or overwrites is back, and nothing else moves', [], async t => {
  const scratch = await createLinks(t);
  const {kernel} = await startKernel(t, scratch);
  const set = hops('192.0.2.2', '198.51.100.2');
  await kernel.select([
    ...prefixes('ipv4', 20).map(prefix => route(prefix, set)),
    ...prefixes('ipv6', 20).map(prefix => route(prefix, hops('2001:db8::2'))),
    route('10.1.0.0/24', hops('192.0.2.2')),
  ]);
  await kernel.settled();
  const whole = await everything(scratch);
  const ids = [...(await scratch.ip(ours.objects)).matchAll(/id (\d+) (via|group)/g)];
  const group = ids.find(([, , kind]) => kind === 'group')?.[1] ?? '';
  const single = ids.find(([, , kind]) => kind === 'via')?.[1] ?? '';

  for (const harm of [
    'route del 10.0.3.0/24 proto 84',
    '-6 route del fd00:0:3::/48 proto 84',
    `nexthop del id ${group}`,
    `nexthop del id ${single}`,
    'nexthop flush dev left',
    'route replace 10.0.5.0/24 via 192.0.2.77 metric 2084 proto 84',
    `nexthop replace id ${single} via 192.0.2.78 dev left proto 84`,
  ]) {
    const before = kernel.status().written;
    await scratch.ip(harm);
    await eventually(t, () => kernel.status().written > before, `it wrote: ${harm}`);
    await eventually(t, async () => (await everything(scratch)) === whole, harm, 4000);
  }
  t.is(await lineCount(scratch, ours.ipv4), 21);
});

kernelTest('a link that goes takes its routes, and brings them back', [], async t => {
  const scratch = await createLinks(t);
  const {kernel, states} = await startKernel(t, scratch);
  const both = hops('192.0.2.2', '198.51.100.2');
  kernel.watch([...both, ...hops('2001:db8::2')].map(hop => ({...hop, isUsed: true})));
  t.deepEqual(
    states.splice(0).map(({metric}) => metric),
    [0, 0, 0],
  );
  await kernel.select([
    route('10.0.0.0/24', both),
    route('10.0.1.0/24', hops('198.51.100.2')),
    route('fd00:1::/48', hops('2001:db8::2')),
  ]);
  await kernel.settled();
  const whole = await everything(scratch);

  for (const [down = '', up = ''] of [
    ['link set right-far down', 'link set right-far up'], // carrier
    ['link set right down', 'link set right up'],
  ] as const) {
    await scratch.ip(down);
    await eventually(t, () => states.length > 0, 'unreachable', 1000);
    t.like(states.splice(0), [{address: hops('198.51.100.2')[0]!.address, metric: undefined}]);
    t.regex(await scratch.ip('route show 10.0.0.0/24'), /via 192\.0\.2\.2 dev left/);
    await scratch.ip(up);
    await eventually(t, () => states.length > 0, 'reachable');
    t.like(states.splice(0), [{metric: 0}]);
    await eventually(t, async () => (await everything(scratch)) === whole, up, 4000);
  }
});

kernelTest('what is not ours is left alone, also where it has our place', [], async t => {
  const scratch = await createLinks(t);
  const foreign = [
    'nexthop add id 7 via 192.0.2.9 dev left',
    'nexthop add id 1409286145 via 192.0.2.9 dev left proto 84', // the overlay's
    'route add 10.5.0.0/24 nhid 7 proto 84', // a pod's or the overlay's, by its metric
    'route add 10.6.0.0/24 via 192.0.2.9 metric 2084 proto static',
    'route add 10.7.0.0/24 via 192.0.2.9 metric 2084 proto static',
    '-6 route add fd00:7::/48 via 2001:db8::9 metric 2084 proto static',
  ];
  for (const line of foreign) await scratch.ip(line);
  const before = await scratch.ip('route show');
  const {kernel, stale, warnings} = await startKernel(t, scratch);
  t.deepEqual(stale, {ipv4: 0, ipv6: 0});
  kernel.sweep('ipv4');
  kernel.sweep('ipv6');
  await kernel.select([
    route('10.7.0.0/24', hops('192.0.2.2')),
    route('fd00:7::/48', hops('2001:db8::2')),
    route('10.8.0.0/24', hops('192.0.2.2')),
  ]);
  await kernel.settled();
  t.deepEqual(
    kernel.status().refusals.map(({key, code}) => `${key} ${code}`),
    ['10.7.0.0/24 EEXIST', 'fd00:7::/48 EEXIST'],
  );
  t.is(warnings.length, 1, 'said once');
  t.regex(await scratch.ip('route show 10.8.0.0/24'), /proto 84/, 'the others go on');
  await kernel.select([route('10.8.0.0/24', [])]);
  await kernel.settled();
  t.is(await scratch.ip('route show'), before);

  await scratch.ip('route del 10.7.0.0/24');
  await scratch.ip('-6 route del fd00:7::/48');
  const isBack = async () => /proto 84/.test(await scratch.ip('-6 route show fd00:7::/48'));
  await eventually(t, isBack, 'ours, once there is room', 5000);
  await eventually(t, () => kernel.status().refusals.length === 0, 'nothing refused', 5000);
  t.regex(await scratch.ip('nexthop show'), /id 1409286145 /);
});

kernelTest('a next hop behind a gateway: routes follow it by one message', [], async t => {
  const scratch = await createLinks(t);
  await scratch.ip('route add 203.0.113.0/24 via 192.0.2.9 metric 50');
  const {kernel, states} = await startKernel(t, scratch);
  const far = hops('203.0.113.5');
  kernel.watch([...far, ...hops('203.0.114.1')].map(hop => ({...hop, isUsed: true})));
  t.deepEqual(
    states.splice(0).map(({metric}) => metric),
    [51, undefined],
  );
  await kernel.select(prefixes('ipv4', 500).map(prefix => route(prefix, far)));
  await kernel.select([route('203.0.113.5/32', far)]); // must not hold itself up
  await kernel.settled();
  t.is(await viaCount(scratch, '192.0.2.9'), 501);
  const before = kernel.status().written;

  await scratch.ip('route replace 203.0.113.0/24 via 198.51.100.9 metric 50');
  await eventually(t, async () => (await viaCount(scratch, '198.51.100.9')) === 501, 'moved');
  await kernel.settled();
  t.true(kernel.status().written - before <= 2, 'not a message for each route');

  await scratch.ip('route del 203.0.113.0/24');
  await eventually(t, () => states.length > 0, 'unreachable');
  t.is(states.splice(0)[0]?.metric, undefined);
  await scratch.ip('route add default via 192.0.2.9');
  await eventually(t, () => states.length === 2, 'by default');
  t.deepEqual(
    states.map(({metric}) => metric),
    [1, 1],
  );
});

function squeezed(text: string): string {
  return text.replace(/\s+/g, ' ');
}

async function lineCount(scratch: Scratch, command: string): Promise<number> {
  return (await scratch.ip(command)).split('\n').filter(line => /^\S/.test(line)).length;
}

async function viaCount(scratch: Scratch, gateway: string): Promise<number> {
  const text = await scratch.ip(ours.ipv4);
  return text.split('\n').filter(line => line.includes(`via ${gateway} `)).length;
}

async function indexOf(scratch: Scratch, link: string): Promise<number> {
  return Number(/^\d+/.exec(await scratch.ip(`-o link show ${link}`))?.[0]);
}

async function everything(scratch: Scratch): Promise<string> {
  const texts = [];
  for (const command of Object.values(ours)) {
    texts.push(squeezed(await scratch.ip(command)).replace(/ \d+ sec/g, ''));
  }
  return texts.join('\n');
}

function deleted(lines: readonly string[]): readonly string[] {
  return lines.filter(line => /Deleted .* metric 2084/.test(line));
}

/** `ip monitor` of routes and nexthops; resolves when it hears. */
async function listen(t: ExecutionContext, {path, ip}: Scratch): Promise<{lines: string[]}> {
  const lines: string[] = [];
  const argv = [`--net=${path}`, '--', 'ip', '-o', 'monitor', 'route', 'nexthop'];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  createInterface({input: child.stdout}).on('line', line => lines.push(line));
  await eventually(
    t,
    async () => {
      await ip('route add 192.0.2.254/32 dev left');
      await ip('route del 192.0.2.254/32 dev left');
      return lines.length > 0;
    },
    'a listening monitor',
  );
  await ip('route add 192.0.2.253/32 dev left');
  await ip('route del 192.0.2.253/32 dev left');
  await eventually(t, () => lines.some(line => /Deleted .*\.253/.test(line)), 'its last line');
  lines.length = 0;
  return {lines};
}
