/** The demo's second half: no overlay at all, a rack each and two switches, one of which dies. Shell. */
import {addPod} from '../cluster.js';
import type {Host} from '../lab/host.js';
import type {Pod} from '../lab/pod.js';
import type {Scope} from '../lab.js';
import {createTorFabric, lostTor, openRing, silence, type BfdTimes} from '../tor-fabric.js';
import {bad, bold, command, good, say, step} from './print.js';

/** With a pod on each host. `from`: the number of its first step; `bfd`: 3 x 100 ms unless told. */
export async function openTors(scope: Scope, from: number, bfd?: BfdTimes) {
  console.log(bold('\nThree hosts without an overlay: BGP, and two switches'));
  const {lab, tors} = await step(from, 'A subnet each, two FRR switches, ECMP and BFD', () =>
    createTorFabric(scope, bfd && {bfd}),
  );
  const [first] = tors;
  const [a] = lab.hosts;
  if (first === undefined || a === undefined) throw new Error('they were made');
  command('twillctl bgp peers', (await a.twillctl(['bgp', 'peers'])).stdout);
  const pods: Pod[] = [];
  for (const host of lab.hosts) pods.push(await addPod(host, `${host.name}1`));
  const far = pods.at(-1)?.ipv4 ?? '';
  await showPath(a, far);
  return {lab, tors, first, a, pods, far};
}

/** And how one of the switches dies. */
export async function showTors(scope: Scope, from: number): Promise<void> {
  const {first, a, pods, far} = await openTors(scope, from);

  const {ms, reports} = await step(
    from + 1,
    'tor1 falls silent, six streams of 1,000/s on both',
    async () => {
      const streams = await openRing(pods);
      const monitor = await a.monitor();
      const silentAt = performance.now();
      await silence(first);
      await lostTor(first, a, monitor);
      const outAt = performance.now();
      await monitor.close();
      for (const stream of streams) await stream.flows(300);
      return {
        ms: outAt - silentAt,
        reports: await Promise.all(streams.map(stream => stream.close())),
      };
    },
  );
  await showPath(a, far);
  say(`BFD took tor1 out of the kernel after ${Math.round(ms)} ms`);
  const longest = Math.max(...reports.map(({longestGapMs}) => longestGapMs));
  const lost = reports.reduce((sum, report) => sum + report.lost, 0);
  const sent = reports.reduce((sum, report) => sum + report.sent, 0);
  const verdict = `${sent} packets in ${reports.length} streams, ${lost} lost until then, ${longest} ms the longest gap`;
  say(longest < 1000 ? good(verdict) : bad(verdict));
}

async function showPath(host: Host, address: string): Promise<void> {
  const {stdout} = await host.run(['ip', 'route', 'show', 'to', 'match', address, 'proto', '84']);
  command(`ip route show to match ${address} proto 84`, stdout);
}
