/*
 *    host a                        host b
 *   +------------------+          +------------------+
 *   | p1 --1,000 pps---|-- br0 ---|---> p2           |
 *   | + q1   - p3      |          | + q2             |
 *   +------------------+          +------------------+
 *                 etcd :2379, killed and back
 *
 * Claim: without etcd pods come and go and traffic flows; when it is back the records match.
 */
import {eventually} from './lab/eventually.js';
import {Stream} from './lab/traffic.js';
import {addPod, createCluster, endpointKey, endpointKeys} from './cluster.js';
import {labTest} from './privileged.js';

labTest('etcd is away: ADD and DEL work, no packet is lost, and the records catch up', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2, p3] = [await addPod(a, 'p1'), await addPod(b, 'p2'), await addPod(a, 'p3')];
  const recordsAre = (...pods: readonly string[]) =>
    eventually(async () => (await endpointKeys(lab)).join() === [...pods].sort().join(), {
      withinMs: 20_000,
      what: `${pods.length} endpoint records that match`,
    });
  await recordsAre(endpointKey(a, p1), endpointKey(b, p2), endpointKey(a, p3));

  const stream = await Stream.open(p1, p2, p2.ipv4);
  await lab.etcd.stop();
  const [q1, q2] = [await addPod(a, 'q1'), await addPod(b, 'q2')];
  t.is((await a.cni('DEL', p3)).exitCode, 0);
  t.is((await a.cni('DEL', p3)).exitCode, 0, 'again');
  await q2.listen();
  for (const {ok, error} of await q1.echo([q2.ipv4, q2.ipv6])) t.true(ok, error);
  await stream.flows(1000);

  await lab.etcd.start();
  const startedAt = performance.now();
  await recordsAre(endpointKey(a, p1), endpointKey(b, p2), endpointKey(a, q1), endpointKey(b, q2));
  t.log(`records match ${Math.round(performance.now() - startedAt)} ms after etcd is back`);
  const report = await stream.close();
  t.is(report.lost, 0, JSON.stringify(report));
});
