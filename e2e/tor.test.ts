/*
 * Three hosts in subnets of their own on two FRR switches: see tor-fabric.ts.
 *
 * Claim: pods reach each other over both switches at once, in both families; when one falls silent with its
 * links up, BFD takes it out of every host's kernel, and streams go on with what was lost until then.
 * Control: without BFD it is still in use after that time.
 */
import {addPod} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Pod} from './lab/pod.js';
import {labTest} from './privileged.js';
import {createTorFabric, openRing, routesOver, silence} from './tor-fabric.js';

const needs = {programs: ['vtysh', '/usr/lib/frr/bgpd', '/usr/lib/frr/bfdd']};

labTest(
  'a switch falls silent: it is out of every kernel within 400 ms, and streams go on',
  async t => {
    const {lab, tors} = await createTorFabric(t);
    const pods: Pod[] = [];
    for (const host of lab.hosts) pods.push(await addPod(host, `${host.name}1`));
    for (const pod of pods) await pod.listen();
    for (const from of pods) {
      const others = pods.filter(pod => pod !== from).flatMap(({addresses}) => addresses);
      for (const {ok, error} of await from.echo(others)) t.true(ok, error);
    }

    const streams = await openRing(pods);
    const [first] = tors;
    if (first === undefined) throw new Error('two switches were made');
    await silence(first);
    const silentAt = performance.now();
    const isOut = async () => {
      const left = await Promise.all(lab.hosts.map(host => routesOver(first, host)));
      return left.every(count => count === 0);
    };
    await eventually(isOut, {withinMs: 5000, everyMs: 5, what: 'a kernel without the switch'});
    t.log(`out of every kernel after ${Math.round(performance.now() - silentAt)} ms`);
    for (const stream of streams) await stream.flows(200);
    for (const stream of streams) {
      const {lost, longestGapMs} = await stream.close();
      t.true(longestGapMs < 450, `${longestGapMs} ms without a packet, ${lost} lost`);
    }
  },
  needs,
);

labTest(
  'control: without BFD a silent switch is still in use after a second',
  async t => {
    const {lab, tors} = await createTorFabric(t, {bfd: undefined});
    const [first] = tors;
    const [a] = lab.hosts;
    if (first === undefined || a === undefined) throw new Error('they were made');
    await silence(first);
    const isOut = async () => (await routesOver(first, a)) === 0;
    await t.throwsAsync(eventually(isOut, {withinMs: 1000, everyMs: 50, what: 'its end'}));
  },
  needs,
);
