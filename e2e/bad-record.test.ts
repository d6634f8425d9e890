/*
 *    host a        host b        host c
 *   +---------+   +---------+   +---------+
 *   | p1      |   | p2      |   | p3      |
 *   +---------+   +---------+   +---------+
 *     etcd: nodes/x = garbage, nodes/y = a node whose fields are wrong
 *
 * Claim: a record that cannot be read is reported by name, and everything else is programmed.
 */
import {eventually} from './lab/eventually.js';
import {addPod, createCluster, prefix} from './cluster.js';
import {labTest} from './privileged.js';

const badRecords = {
  x: '{"kind": "Node", garbage',
  y: JSON.stringify({
    apiVersion: 'twill.io/v1',
    kind: 'Node',
    metadata: {name: 'y', uid: 7},
    spec: {address: 'somewhere', ranges: '10.244.9.0/26', vxlan: null},
  }),
};

labTest('unreadable node records are reported, and all other peers are programmed', async t => {
  const lab = await createCluster(t, {hosts: ['a', 'b', 'c']});
  const a = lab.host('a');
  for (const [name, value] of Object.entries(badRecords)) {
    await lab.etcd.put(`${prefix}/nodes/${name}`, value);
  }
  await assertReported('while it runs');

  await a.killDaemon('SIGTERM');
  await a.startDaemon(); // now they are in the first list
  await assertReported('at its start');

  const pods = await Promise.all(lab.hosts.map(host => addPod(host, `p-${host.name}`)));
  await Promise.all(pods.map(pod => pod.listen()));
  const [p1, ...others] = pods;
  const results = (await p1?.echo(others.flatMap(pod => pod.addresses))) ?? [];
  t.is(results.length, 4);
  for (const {ok, error} of results) t.true(ok, error);

  for (const name of Object.keys(badRecords)) await lab.etcd.delete(`${prefix}/nodes/${name}`);
  const clean = async () => !/nodes\/[xy]\b/.test(await status());
  await eventually(clean, {withinMs: 5000, what: 'a status without the deleted records'});

  async function status(): Promise<string> {
    return (await a.twillctl(['node', 'status', '-o', 'json'])).stdout;
  }

  async function assertReported(when: string): Promise<void> {
    for (const name of Object.keys(badRecords)) {
      const mentioned = new RegExp(`nodes/${name}\\b`);
      await eventually(async () => mentioned.test(await status()), {
        withinMs: 5000,
        what: `${name} in node status ${when}`,
      });
      const logged = a.daemon.log().some(record => mentioned.test(JSON.stringify(record)));
      t.true(logged, `${name} in the log ${when}`);
    }
  }
});
