/*
 *    host a
 *   +-------------------------------------------+
 *   | 30 ADDs at once, then 30 DELs at once      |
 *   | twilld: kill -9 in the middle of each      |
 *   +-------------------------------------------+
 *
 * Claim: a daemon that dies amid ADDs and DELs loses no address, gives none twice and leaks nothing;
 * what the runtime repeats succeeds.
 */
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import type {Pod} from './lab/pod.js';
import {createCluster, endpointKeys, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

const rounds = 4;
const podsPerRound = 30;

labTest(
  'the daemon is killed amid ADDs and amid DELs, and everything adds up afterwards',
  async t => {
    const lab = await createCluster(t, {hosts: ['a']});
    const a = lab.host('a');
    for (let round = 0; round < rounds; round++) {
      const names = Array.from({length: podsPerRound}, (_, index) => `p${round}-${index}`);
      const pods = await a.createPods(names);

      const killAfter = 3 + round * 5;
      const added = await amidKill(a, pods, killAfter, async pod => {
        const {exitCode, failure, stdout} = await a.cni('ADD', pod);
        t.true(exitCode === 0 || failure?.code === 11, `round ${round}: ${stdout}`);
        return exitCode === 0;
      });
      await a.startDaemon();
      t.log(`round ${round}: ${added.length} of ${pods.length} ADDs before the kill`);
      const failed = pods.filter(pod => !added.includes(pod));
      await Promise.all(failed.map(async pod => t.is((await a.cni('DEL', pod)).exitCode, 0)));
      await Promise.all(failed.map(pod => a.add(pod)));
      t.is(new Set(pods.flatMap(pod => pod.addresses)).size, 2 * pods.length, 'no address twice');
      for (const pod of pods) {
        const {exitCode, stdout} = await a.cni('CHECK', pod);
        t.is(exitCode, 0, `round ${round}, ${pod.name}: ${stdout}`);
      }

      await amidKill(a, pods, killAfter, async pod => {
        const {exitCode, stdout} = await a.cni('DEL', pod);
        t.is(exitCode, 0, stdout);
        return true;
      });
      await a.startDaemon();
      await t.notThrowsAsync(podsAreGone(a));
      await eventually(async () => (await endpointKeys(lab)).length === 0, {
        withinMs: 5000,
        what: 'no endpoint record',
      });
      const {stdout} = await a.twillctl(['ipam', 'show', '-o', 'json']);
      const {blocks} = JSON.parse(stdout) as {blocks: {used: number}[]};
      t.deepEqual(
        blocks.map(({used}) => used),
        [0, 0],
      );
      for (const pod of pods) await a.removePod(pod);
    }
  },
);

/** Runs `verb` on all pods at once and kills the daemon when `count` are done. The pods where it was true. */
async function amidKill(
  host: Host,
  pods: readonly Pod[],
  count: number,
  verb: (pod: Pod) => Promise<boolean>,
): Promise<readonly Pod[]> {
  const done: Pod[] = [];
  let finished = 0;
  let killed: Promise<number> | undefined;
  await Promise.all(
    pods.map(async pod => {
      if (await verb(pod)) done.push(pod);
      if (++finished >= count) killed ??= host.killDaemon('SIGKILL');
    }),
  );
  await killed;
  return done;
}
