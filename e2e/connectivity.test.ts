/*
 *    host a                 host b                 host c
 *   +--------------+       +--------------+       +--------------+
 *   | a1 a2        |       | b1 b2        |       | c1 c2        |
 *   |  twill.4096  |       |  twill.4096  |       |  twill.4096  |
 *   |   eth0  -----|- br0 -|---- eth0 ----|- br0 -|--- eth0      |
 *   +--------------+       +--------------+       +--------------+
 *
 * Claim: every pod reaches every other one by ping and TCP in both families, over VXLAN.
 */
import type {Pod} from './lab/pod.js';
import {addPods, createCluster, podsAreGone} from './cluster.js';
import {labTest} from './privileged.js';

labTest('six pods on three hosts reach each other in both families, small and large', async t => {
  const lab = await createCluster(t, {hosts: ['a', 'b', 'c']});
  const pods = (
    await Promise.all(lab.hosts.map(host => addPods(host, [`${host.name}1`, `${host.name}2`])))
  ).flat();
  t.is(new Set(pods.flatMap(pod => pod.addresses)).size, 12, 'two addresses each, all different');

  await Promise.all(pods.map(pod => pod.listen()));
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const bytes of [1400, 65_000]) {
      const unreached = await Promise.all(pods.map(pod => missedPings(pod, pods, family, bytes)));
      t.deepEqual(unreached.flat(), [], `ping ${family} ${bytes}`);
    }
    for (const bytes of [1400, 65_536]) {
      const failed = await Promise.all(pods.map(pod => missedEchoes(pod, pods, family, bytes)));
      t.deepEqual(failed.flat(), [], `TCP ${family} ${bytes}`);
    }
  }

  for (const host of lab.hosts) {
    const [peers, peers6] = [lab.hosts.length - 1, (lab.hosts.length - 1) * 2];
    const fdb = await host.json<{dst?: string}>('bridge fdb show dev twill.4096');
    t.is(fdb.filter(({dst}) => dst !== undefined).length, peers, 'one forwarding entry per peer');
    const routes = await Promise.all(
      ['-4', '-6'].map(family => host.json(`ip ${family} route show dev twill.4096 proto 84`)),
    );
    t.is(routes.flat().length, peers6, 'one route per peer and family');
  }

  for (const pod of pods) {
    const host = lab.hosts.find(({namespace}) => namespace === pod.host);
    t.is((await host?.cni('DEL', pod))?.exitCode, 0);
  }
  for (const host of lab.hosts) await t.notThrowsAsync(podsAreGone(host));
});

/**
 * One after the other: a large ping is 47 fragments, and 30 of them at once overflow what a processor
 * may have waiting (net.core.netdev_max_backlog). One repetition, for the same reason.
 */
async function missedPings(
  from: Pod,
  pods: readonly Pod[],
  family: 'ipv4' | 'ipv6',
  bytes: number,
) {
  const missed: string[] = [];
  for (const to of pods.filter(pod => pod !== from)) {
    const reached =
      (await from.ping(to[family], {bytes})) || (await from.ping(to[family], {bytes}));
    if (!reached) missed.push(`${from.name} -> ${to.name}`);
  }
  return missed;
}

async function missedEchoes(
  from: Pod,
  pods: readonly Pod[],
  family: 'ipv4' | 'ipv6',
  bytes: number,
) {
  const others = pods.filter(pod => pod !== from);
  const results = await from.echo(
    others.map(pod => pod[family]),
    {bytes},
  );
  return results.flatMap(({ok, error}, index) =>
    ok ? [] : [`${from.name} -> ${others[index]?.name}: ${error}`],
  );
}
