/*
 * The core on a real kernel, in a namespace of its own: one node (n0) with an underlay interface
 * that is one end of a veth pair, and records of others that exist on paper only.
 */
import type {Network} from '../datastore/records/network.js';
import {kernelTest} from '../kernel/scratch-namespace.js';
import {fleet, networkEvent, nodeKey, vtepMac} from './paper-fleet.js';
import {
  count,
  eventually,
  everything,
  failures,
  operations,
  startCore,
  watch,
  withoutIds,
} from './scratch-core.js';

const peers = 200;

kernelTest(
  '200 hosts: one of each per host and family, and nothing to do for a restart',
  [],
  async t => {
    const {scratch, core} = await startCore(t);
    core.dispatch({kind: 'store', events: [...fleet(peers), {kind: 'synced'}]});
    await core.firstPassDone;

    t.deepEqual(failures(core), []);
    t.is(await count(scratch, 'ip route show proto 84'), peers);
    t.is(await count(scratch, 'ip -6 route show proto 84'), peers);
    t.is(await count(scratch, 'ip -4 neigh show dev twill.4096 nud permanent'), peers);
    t.is(await count(scratch, 'ip -6 neigh show dev twill.4096 nud permanent'), peers);
    t.is(await count(scratch, 'ip nexthop show proto 84'), 2 * peers);
    t.is(await count(scratch, 'bridge fdb show dev twill.4096'), peers);
    t.regex(
      await scratch.ip('-d link show twill.4096'),
      /mtu 1450 .*vxlan id 4096 local 192\.0\.2\.1 dev uplink .*dstport 4789 nolearning/s,
    );
    t.regex(await scratch.ip('address show twill.4096'), /inet 10\.244\.0\.0\/32 scope global/);
    t.regex(await scratch.ip('-6 address show twill.4096'), /inet6 fd00:244::\/128 scope global/);
    t.is(await scratch.ip('-6 address show twill.4096 scope link'), '');

    const before = await everything(scratch);
    await core.stop();
    const monitor = await watch(t, scratch);
    const again = await startCore(t, scratch);
    again.core.dispatch({kind: 'store', events: [...fleet(peers), {kind: 'synced'}]});
    await again.core.firstPassDone;
    t.is(operations(again.core), 0);
    t.deepEqual(monitor.lines, [], 'a restart says nothing to the kernel');
    t.is(await everything(scratch), before);

    await scratch.ip('link set twill.4096 mtu 1400'); // the control: the monitor does hear
    await eventually(t, () => monitor.lines.length > 0, 'news of the control');
  },
);

kernelTest(
  'what is removed or changed by hand is back within a second, whatever it is',
  [],
  async t => {
    const {scratch, core} = await startCore(t);
    core.dispatch({kind: 'store', events: [...fleet(20), {kind: 'synced'}]});
    await core.firstPassDone;
    const whole = await everything(scratch);
    const [id = ''] =
      /id (\d+) via 10\.244\.0\.64 /.exec(await scratch.ip('nexthop show'))?.slice(1) ?? [];

    const harms = [
      'ip route del 10.244.0.64/26 proto 84',
      'ip -6 route del fd00:244::40/122 proto 84',
      'ip neigh del 10.244.0.64 dev twill.4096',
      'ip -6 neigh del fd00:244::40 dev twill.4096',
      `bridge fdb del ${vtepMac(1)} dev twill.4096 dst 192.0.2.2`,
      `ip nexthop del id ${id}`,
      'ip address del 10.244.0.0/32 dev twill.4096',
      'ip link set twill.4096 down',
      'ip link set twill.4096 mtu 1300',
      'ip link del twill.4096',
      'ip neigh replace 10.244.0.64 lladdr 02:00:00:00:00:99 nud permanent dev twill.4096',
      `bridge fdb replace ${vtepMac(1)} dev twill.4096 dst 192.0.2.99`,
      'bridge fdb append 00:00:00:00:00:00 dev twill.4096 dst 192.0.2.99',
      'ip link set twill.4096 name stolen',
    ];
    for (const harm of harms) {
      const [program = '', ...args] = harm.split(' ');
      const startMs = performance.now();
      await scratch.run(program, args);
      const what = `healed: ${harm}`;
      // Ids may differ after nexthops were lost, so the picture is compared without them.
      const isBack = async () => withoutIds(await everything(scratch)) === withoutIds(whole);
      await eventually(t, isBack, what, 2000);
      t.true(performance.now() - startMs < 2000, what);
    }
    t.deepEqual(failures(core), []);
  },
);

kernelTest('the control: without the loop nothing heals', [], async t => {
  const {scratch, core} = await startCore(t);
  core.dispatch({kind: 'store', events: [...fleet(2), {kind: 'synced'}]});
  await core.firstPassDone;
  await core.stop();
  await scratch.ip('route del 10.244.0.64/26 proto 84');
  await new Promise(resolve => setTimeout(resolve, 500));
  t.is(await count(scratch, 'ip route show 10.244.0.64/26'), 0);
});

kernelTest(
  "others' objects are left alone, and a conflict is reported and ends by itself",
  [],
  async t => {
    const {scratch, core} = await startCore(t);
    await scratch.ip('route add 10.244.0.64/26 via 192.0.2.200 dev uplink proto static');
    await scratch.ip('route add 10.99.0.0/16 via 192.0.2.200 dev uplink proto 99');
    await scratch.ip('nexthop add id 7 via 192.0.2.200 dev uplink proto 99');
    await scratch.ip('neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 nud permanent dev uplink');
    core.dispatch({kind: 'store', events: [...fleet(3), {kind: 'synced'}]});
    await core.firstPassDone;

    const {routes} = core.health().tables;
    t.deepEqual(routes.conflicts, ['10.244.0.64/26']);
    t.is(routes.applied, routes.desired - 1);
    t.regex(await scratch.ip('route show 10.244.0.64/26'), /proto static/);
    t.is(await count(scratch, 'ip route show proto 84'), 2);

    core.dispatch({kind: 'store', events: [2, 3].map(n => ({kind: 'delete', key: nodeKey(n)}))});
    await core.settled();
    t.is(await count(scratch, 'ip route show proto 84'), 0);
    t.is(await count(scratch, 'ip route show proto 99'), 1);
    t.is(await count(scratch, 'ip nexthop show id 7'), 1);
    t.is(await count(scratch, 'ip neigh show 192.0.2.77 dev uplink'), 1);

    await scratch.ip('route del 10.244.0.64/26 proto static');
    await eventually(
      t,
      async () => (await count(scratch, 'ip route show proto 84')) === 1,
      'our route',
    );
    t.deepEqual(core.health().tables.routes.conflicts, []);
  },
);

kernelTest('a foreign interface that has our name is a conflict, not a victim', [], async t => {
  const {scratch, core} = await startCore(t);
  await scratch.ip('link add twill.4096 type veth peer name other');
  core.dispatch({kind: 'store', events: [...fleet(3), {kind: 'synced'}]});
  await core.firstPassDone;
  const {device, nexthops} = core.health().tables;
  t.is(device.conflicts.length, 1);
  t.is(nexthops.applied, 0);
  t.regex(await scratch.ip('-d link show twill.4096'), /veth/);

  await scratch.ip('link del twill.4096');
  await eventually(t, async () => (await count(scratch, 'ip route show proto 84')) === 3, 'routes');
  t.deepEqual(failures(core), []);
});

kernelTest('backend, identifier and direct routing may change while it runs', [], async t => {
  const {scratch, core} = await startCore(t);
  core.dispatch({kind: 'store', events: [...fleet(5), {kind: 'synced'}]});
  await core.firstPassDone;
  const network = async (spec: Network['spec']) => {
    core.dispatch({kind: 'store', events: [networkEvent(spec)]});
    await core.settled();
    t.deepEqual(failures(core), [], JSON.stringify(spec));
    t.is(await count(scratch, 'ip route show proto 84'), 5, JSON.stringify(spec));
    t.is(await count(scratch, 'ip -6 route show proto 84'), 5, JSON.stringify(spec));
  };

  await network({vxlan: {vni: 77}});
  t.is(await count(scratch, 'ip link show type vxlan'), 2); // two lines: one device
  t.is(await count(scratch, 'ip nexthop show proto 84'), 10);
  await network({vxlan: {vni: 77, port: 8472}});
  t.regex(await scratch.ip('-d link show twill.77'), /dstport 8472/);
  await network({vxlan: {vni: 77, port: 8472, directRouting: true}});
  t.is(await count(scratch, 'ip nexthop show dev uplink'), 10);
  t.is(await count(scratch, 'bridge fdb show dev twill.77'), 0);
  await network({backend: 'direct'});
  t.is(await count(scratch, 'ip link show type vxlan'), 0);
  await network({});
  t.is(await count(scratch, 'ip nexthop show dev twill.4096'), 10);
  t.is(await count(scratch, 'ip nexthop show dev uplink'), 0);
});

kernelTest('an overlay over IPv6 alone', [], async t => {
  const {scratch, core} = await startCore(t, undefined, ['ipv6']);
  core.dispatch({kind: 'store', events: [...fleet(3), {kind: 'synced'}]});
  await core.firstPassDone;
  t.deepEqual(failures(core), []);
  t.regex(await scratch.ip('-d link show twill.4096'), /mtu 1430 .*local 2001:db8::1 dev uplink/s);
  t.regex(await scratch.run('bridge', ['fdb', 'show', 'dev', 'twill.4096']), /dst 2001:db8::2 /);
  t.is(await count(scratch, 'ip route show proto 84'), 3);

  core.dispatch({kind: 'store', events: [networkEvent({backend: 'direct'})]});
  await core.settled();
  t.deepEqual(failures(core), []);
  t.regex(await scratch.ip('route show 10.244.0.64/26'), /via inet6 2001:db8::2 dev uplink/);
  t.is(await count(scratch, 'ip nexthop show proto 84'), 3, 'both families share it');
});

kernelTest(
  'routes and neighbours of pods are healed, and those of unknown pods stay',
  [],
  async t => {
    const {scratch, core} = await startCore(t);
    for (const name of ['twl00000000001', 'twl00000000002']) {
      await scratch.ip(`link add ${name} type veth peer name p${name.slice(-2)}`);
      await scratch.ip(`link set ${name} up`);
    }
    await scratch.ip('route add 10.244.0.9/32 dev twl00000000002 proto 84 scope link');
    const mac = '02:00:00:00:00:aa';
    const attachment = {
      ...{containerId: 'c1', ifName: 'eth0', hostInterface: 'twl00000000001', mac},
      ...{addresses: ['10.244.0.1', 'fd00:244::1'], state: 'ready' as const},
    };
    core.dispatch({kind: 'attachments', attachments: [attachment]});
    await core.settled();
    t.is(await count(scratch, 'ip route show proto 84'), 1, 'a new pod is the business of its ADD');

    core.dispatch({kind: 'store', events: [...fleet(1), {kind: 'synced'}]});
    await core.firstPassDone;
    t.deepEqual(failures(core), []);
    t.regex(await scratch.ip('route show 10.244.0.1'), /dev twl00000000001 proto 84 scope link/);
    t.regex(
      await scratch.ip('neigh show dev twl00000000001'),
      /10\.244\.0\.1 lladdr 02:00:00:00:00:aa PERMANENT/,
    );
    t.is(await count(scratch, 'ip route show 10.244.0.9'), 1);

    await scratch.ip('route del 10.244.0.1');
    await scratch.ip('-6 neigh del fd00:244::1 dev twl00000000001');
    await eventually(
      t,
      async () => (await count(scratch, 'ip route show 10.244.0.1')) === 1,
      'route',
    );
    t.is(await count(scratch, 'ip -6 neigh show fd00:244::1 dev twl00000000001'), 1);

    core.dispatch({kind: 'attachment', attachment: {...attachment, state: 'deleting'}});
    await core.settled();
    await scratch.ip('route del 10.244.0.1');
    await new Promise(resolve => setTimeout(resolve, 300));
    t.is(await count(scratch, 'ip route show 10.244.0.1'), 0, 'a pod on its way out is not healed');
  },
);
