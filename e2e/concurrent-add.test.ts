/*
 *    host a            host b            host c
 *   +-----------+     +-----------+     +-----------+
 *   | 100 pods  |     | 100 pods  |     | 100 pods  |   each ADD by a process of its own
 *   +-----------+     +-----------+     +-----------+
 *
 * Claim: ADDs and DELs at once never give an address to two pods, never fail and leave nothing.
 */
import type {ExecutionContext} from 'ava';

import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import type {Pod} from './lab/pod.js';
import {createCluster, endpointKeys, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

/** Who holds an address now, across all hosts and rounds. */
class Holders {
  readonly #byAddress = new Map<string, string>();
  readonly conflicts: string[] = [];

  take(pod: Pod): void {
    for (const address of pod.addresses) {
      const holder = this.#byAddress.get(address);
      if (holder !== undefined) this.conflicts.push(`${address}: ${holder} and ${pod.name}`);
      this.#byAddress.set(address, pod.name);
    }
  }

  /** Before the DEL begins: from then on it may be given to another pod. */
  give(pod: Pod): void {
    for (const address of pod.addresses) this.#byAddress.delete(address);
  }
}

const range = (from: number, to: number) =>
  Array.from({length: to - from}, (_, index) => from + index);

labTest('100 ADDs at once on one host, and 100 on each of three', async t => {
  const lab = await createCluster(t, {hosts: ['a', 'b', 'c'], blockSize: 24});
  const holders = new Holders();
  const a = lab.host('a');

  const alone = await addAll(t, a, range(0, 100), holders);
  // half of them go while others come
  const [, more] = await Promise.all([
    deleteAll(t, a, alone.slice(0, 50), holders),
    addAll(t, a, range(100, 150), holders),
  ]);
  await deleteAll(t, a, [...alone.slice(50), ...more], holders);
  await t.notThrowsAsync(podsAreGone(a));

  const everywhere = await Promise.all(
    lab.hosts.map(host => addAll(t, host, range(200, 300), holders)),
  );
  t.is(new Set(everywhere.flat().flatMap(pod => pod.addresses)).size, 600, 'both families');
  await eventually(async () => (await endpointKeys(lab)).length === 300, {
    withinMs: 10_000,
    what: '300 endpoint records',
  });
  await Promise.all(
    lab.hosts.map((host, index) => deleteAll(t, host, everywhere[index] ?? [], holders)),
  );
  t.deepEqual(holders.conflicts, []);
  for (const host of lab.hosts) await t.notThrowsAsync(podsAreGone(host));
  await eventually(async () => (await endpointKeys(lab)).length === 0, {
    withinMs: 10_000,
    what: 'no endpoint record',
  });
});

async function addAll(
  t: ExecutionContext,
  host: Host,
  numbers: readonly number[],
  holders: Holders,
): Promise<readonly Pod[]> {
  const pods = await host.createPods(numbers.map(number => `p${number}`));
  const startedAt = performance.now();
  await Promise.all(
    pods.map(async pod => {
      await host.add(pod);
      holders.take(pod);
    }),
  );
  t.log(`${pods.length} ADDs on ${host.name}: ${Math.round(performance.now() - startedAt)} ms`);
  return pods;
}

async function deleteAll(
  t: ExecutionContext,
  host: Host,
  pods: readonly Pod[],
  holders: Holders,
): Promise<void> {
  const startedAt = performance.now();
  await Promise.all(
    pods.map(async pod => {
      holders.give(pod);
      const {exitCode, stdout} = await host.cni('DEL', pod);
      t.is(exitCode, 0, stdout);
    }),
  );
  t.log(`${pods.length} DELs on ${host.name}: ${Math.round(performance.now() - startedAt)} ms`);
}
