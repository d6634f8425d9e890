/*
 *    host a: power cut, start            host b
 *   +----------------------+            +---------+
 *   | p1, p2  ->  q1       |--- br0 ----| p3      |
 *   +----------------------+            +---------+
 *
 * Claim: a host that was rebooted forgets the pods it had, keeps its ranges, and serves new ones;
 * peers need no change.
 */
import {eventually} from './lab/eventually.js';
import {addPod, addPods, createCluster, endpointKey, endpointKeys, podTraces} from './cluster.js';
import {labTest} from './privileged.js';

labTest(
  'after a reboot the pods of before are forgotten and new ones are reached from peers',
  async t => {
    const lab = await createCluster(t);
    const [a, b] = [lab.host('a'), lab.host('b')];
    const lost = await addPods(a, ['p1', 'p2']);
    const p3 = await addPod(b, 'p3');
    await p3.listen();
    const peersView = async () => [
      await b.json('ip -4 route show dev twill.4096'),
      await b.json('bridge fdb show dev twill.4096'),
    ];
    const before = await peersView();

    await a.reboot();
    t.deepEqual(await podTraces(a), []);
    const daemon = await a.startDaemon();
    t.true(daemon.log().some(record => JSON.stringify(record).includes('"newBoot":true')));
    for (const pod of lost) {
      // kubelet cleans up what it remembers, with no namespace left
      t.is((await a.cni('DEL', pod, {env: {CNI_NETNS: ''}})).exitCode, 0);
    }
    const q1 = await addPod(a, 'q1');
    for (const {ok, error} of await q1.echo(p3.addresses)) t.true(ok, error);
    t.deepEqual(await peersView(), before);
    const expected = [endpointKey(a, q1), endpointKey(b, p3)].sort().join();
    const areRight = async () => {
      const keys = (await endpointKeys(lab)).join();
      if (keys !== expected) throw new Error(`${keys} and not ${expected}`);
      return true;
    };
    await eventually(areRight, {withinMs: 5000, what: 'records of the pods that live'});
  },
);
