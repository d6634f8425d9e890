/*
 *    host a                        host b
 *   +------------------+          +------------------+
 *   | p1 --1,000 pps---|-- br0 ---|---> p2           |
 *   +------------------+          +------------------+
 *                 etcd :2379, all of it lost, begun anew, resources applied again
 *
 * Claim: an etcd that forgot everything costs no packet: hosts keep their ranges, write claims, node
 * and endpoint records again, and take nothing out of the kernel meanwhile.
 */
import {eventually} from './lab/eventually.js';
import {Stream} from './lab/traffic.js';
import {addPod, createCluster, endpointKey, endpointKeys, prefix, resources} from './cluster.js';
import {labTest} from './privileged.js';

labTest('etcd loses all it had: the hosts fill it again, and no packet is lost', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const claims = async () => (await lab.etcd.list(`${prefix}/leases/`)).map(({key}) => key).sort();
  const endpoints = [endpointKey(a, p1), endpointKey(b, p2)].sort().join();
  const filled = () =>
    eventually(async () => (await endpointKeys(lab)).join() === endpoints, {withinMs: 20_000});
  await filled();
  const before = await claims();

  const monitor = await a.monitor();
  const stream = await Stream.open(p1, p2, p2.ipv4);
  await lab.etcd.stop();
  await lab.fabric.run(['rm', '-r', '/run/lab/etcd']);
  await lab.etcd.start();
  await filled();
  await eventually(async () => (await claims()).join() === before.join(), {withinMs: 20_000});
  await lab.apply(resources());
  await addPod(a, 'q1');
  await stream.flows(1000);

  t.is((await lab.etcd.list(`${prefix}/nodes/`)).length, 2);
  const report = await stream.close();
  t.is(report.lost, 0, JSON.stringify(report));
  const ofPods = (line: string) => !/ dev eth0 | ff02:/.test(line);
  t.deepEqual(monitor.deletions().filter(ofPods), []);
});
