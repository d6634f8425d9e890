/*
 * The reconcilers of the overlay and BGP's routes in one kernel: both have protocol 84, neither touches
 * what is the other's.
 */
import {firstBgpNexthopId} from '../../kernel/bgp-objects.js';
import {kernelTest} from '../../kernel/scratch-namespace.js';
import {routedAddresses} from '../../node/routed-addresses.js';
import {openNetlink} from '#native-addon';
import {fleet} from '../../reconcile/paper-fleet.js';
import {count, eventually, failures, operations, startCore} from '../../reconcile/scratch-core.js';
import {hops, prefixes, route, startKernel} from './scratch-kernel.js';

kernelTest('routes of the overlay and of BGP leave each other alone', [], async t => {
  const {scratch, core} = await startCore(t);
  core.dispatch({kind: 'store', events: [...fleet(20), {kind: 'synced'}]});
  await core.firstPassDone;
  const {kernel} = await startKernel(t, scratch);
  const four = hops('192.0.2.2');
  await kernel.select([
    ...prefixes('ipv4', 100).map(prefix => route(prefix, four)),
    ...prefixes('ipv6', 100).map(prefix => route(prefix, hops('2001:db8::2'))),
    route('172.16.0.1/32', four), // as long as a pod's
  ]);
  kernel.sweep('ipv4');
  kernel.sweep('ipv6');
  await kernel.settled();
  const [written, operated] = [kernel.status().written, operations(core)];

  const resyncs = core.health().resyncs;
  await scratch.ip('link set twill.4096 mtu 1400'); // a full pass of theirs
  await eventually(t, () => core.health().resyncs > resyncs, 'a resync of the overlay');
  await core.settled();
  t.deepEqual(failures(core), []);
  t.is(operations(core), operated + 1, 'the link only');
  t.is(kernel.status().written, written);
  t.is(await count(scratch, 'ip route show proto 84 metric 2084 scope global'), 101);
  t.is(await count(scratch, 'ip -6 route show proto 84 metric 2084'), 100);
  t.is(await count(scratch, 'ip route show dev twill.4096 proto 84'), 20);

  await scratch.ip(`nexthop del id ${firstBgpNexthopId}`); // and its routes
  await eventually(t, () => kernel.status().written > written, 'something to heal');
  const whole = async () =>
    (await count(scratch, 'ip route show proto 84 metric 2084 scope global')) === 101;
  await eventually(t, whole, 'healed by BGP', 4000);
  t.is(operations(core), operated + 1, 'and not by the overlay');
  t.is(core.health().resyncs, resyncs + 1, 'which did not even look');

  const socket = await openNetlink({namespace: {path: scratch.path}});
  t.teardown(() => socket.close());
  t.deepEqual(await routedAddresses(socket), [], 'no learnt route is taken for a pod');
});
