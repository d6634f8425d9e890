/*
 *    host a        host b        host c (joins late)
 *   +---------+   +---------+   +---------+
 *   | p1      |   | p2      |   | p3      |
 *   +---------+   +---------+   +---------+
 *        etcd m0, m1, m2: the leader is killed
 *
 * Claim: losing etcd's leader disturbs nobody, and what changes afterwards arrives everywhere.
 */
import {eventually} from './lab/eventually.js';
import {Stream} from './lab/traffic.js';
import {addPod, endpointKey, endpointKeys, resources} from './cluster.js';
import {createLab} from './lab.js';
import {labTest} from './privileged.js';

labTest(
  'the etcd leader dies, and a host that joins afterwards is reached from all others',
  async t => {
    const lab = await createLab(t, {hosts: ['a', 'b', 'c'], etcdMembers: 3});
    await lab.apply(resources());
    const [a, b, c] = [lab.host('a'), lab.host('b'), lab.host('c')];
    await Promise.all([a.startDaemon(), b.startDaemon()]);
    const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
    const stream = await Stream.open(p1, p2, p2.ipv4);

    await lab.etcd.stopMember(await lab.etcd.leader());
    await c.startDaemon({}, {withinMs: 30_000});
    const p3 = await addPod(c, 'p3');
    await p3.listen();
    const reached = async (from: typeof p1) =>
      (await from.echo([p3.ipv4, p3.ipv6], {withinMs: 500})).every(({ok}) => ok);
    await eventually(() => reached(p1), {withinMs: 20_000, what: 'a reaches the new host'});
    await eventually(() => reached(p2), {withinMs: 20_000, what: 'b reaches the new host'});
    await eventually(async () => (await endpointKeys(lab)).includes(endpointKey(c, p3)), {
      withinMs: 20_000,
      what: 'the record of the new pod',
    });
    const report = await stream.close();
    t.is(report.lost, 0, JSON.stringify(report));
  },
);
