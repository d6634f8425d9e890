/**
 * `make demo`: three hosts, six pods, traffic over VXLAN, then over BGP and two switches, on real parts;
 * leaves nothing behind. Shell.
 * `make lab` (--keep): the same, and then it stays until Ctrl-C and says how to look around. With
 * `FABRIC=bgp` (--fabric bgp) only what has the two switches, and that stays.
 */
import {release} from 'node:os';

import {addPods, podsAreGone, resources} from './cluster.js';
import {pingMatrix} from './demo/matrix.js';
import {readOptions, usage, type Options} from './demo/options.js';
import {stay} from './demo/stay.js';
import {openTors, showTors} from './demo/tors.js';
import {bad, bold, command, dim, good, heading, say, step, table} from './demo/print.js';
import type {Host} from './lab/host.js';
import type {Pod} from './lab/pod.js';
import {ProgramScope, readArguments} from './lab/program.js';
import {Stream} from './lab/traffic.js';
import {type Lab, type Scope, createLab} from './lab.js';

const device = 'twill.4096';
/** Of the lab that people look at, on a machine that may be busy: nothing is measured there. */
const calmBfd = {intervalMs: 300, multiplier: 3};

async function main(scope: Scope, {keep, fabric}: Options): Promise<void> {
  if (fabric === 'vxlan') return showBoth(scope, keep);
  if (!keep) return showTors(scope, 1);
  const {lab, tors} = await openTors(scope, 1, calmBfd);
  await stay(lab, tors);
}

async function showBoth(scope: Scope, keep: boolean): Promise<void> {
  console.log(bold('Twill: pods on three hosts, joined by VXLAN'));
  say(dim(`hosts are namespaces of this machine; kernel ${release()}, Node ${process.version}`));

  const lab = await step(1, 'Three hosts on one wire, and etcd', async () => {
    return createLab(scope, {hosts: ['a', 'b', 'c']});
  });
  await step(2, 'twilld on each host claims its ranges and meets its peers', async () => {
    await lab.apply(resources());
    await Promise.all(lab.hosts.map(host => host.startDaemon()));
  });
  await showCtl(lab, ['get', 'nodes']);

  const pods = await step(3, 'Six pods, added by the CNI binary', async () => {
    const added = lab.hosts.map(host => addPods(host, [`${host.name}1`, `${host.name}2`]));
    return (await Promise.all(added)).flat();
  });
  table([['POD', 'HOST', 'IPV4', 'IPV6'], ...pods.map(podRow)]);

  const matrix = await step(4, 'Every pod to every pod (ping, ms: IPv4 IPv6)', () =>
    pingMatrix(pods),
  );
  table(matrix.rows);
  const verdict = `${matrix.answered} of ${matrix.pings} answered`;
  say(matrix.answered === matrix.pings ? good(verdict) : bad(verdict));

  heading(5, 'What is in the kernel of host a: one of each per peer and family');
  await showKernel(lab.host('a'));

  heading(6, 'What twillctl says');
  await showCtl(lab, ['get', 'endpoints'], ['ipam', 'show'], ['node', 'status']);

  await proveSturdy(lab, pods);
  if (keep) await stay(lab);
  await removePods(lab, pods);
  await showTors(scope, 9);
}

function podRow(pod: Pod): readonly string[] {
  return [pod.name, pod.host.hostname, pod.ipv4, pod.ipv6];
}

async function showKernel(host: Host): Promise<void> {
  const views = [
    `ip -br link show dev ${device}`,
    `bridge fdb show dev ${device}`,
    `ip neigh show dev ${device}`,
    'ip nexthop show proto 84',
    'ip -4 route show proto 84',
    'ip -6 route show proto 84',
  ];
  for (const view of views) command(view, (await host.run(view.split(' '))).stdout);
}

async function showCtl(lab: Lab, ...calls: readonly (readonly string[])[]): Promise<void> {
  for (const call of calls) {
    command(`twillctl ${call.join(' ')}`, (await lab.host('a').twillctl(call)).stdout);
  }
}

/** A killed daemon, an etcd that is away: pods notice neither. */
async function proveSturdy(lab: Lab, pods: readonly Pod[]): Promise<void> {
  const [from, to] = [pods[0], pods[2]];
  if (!from || !to) throw new Error('six pods were added');
  const report = await step(
    7,
    'kill -9 of every twilld, and of etcd, at 1,000 packets/s',
    async () => {
      const stream = await Stream.open(from, to, to.ipv4);
      for (const host of lab.hosts) await host.killDaemon('SIGKILL');
      await stream.flows(300);
      await lab.hosts.reduce(
        (before, host) => before.then(() => host.startDaemon()).then(() => undefined),
        Promise.resolve(),
      );
      await lab.etcd.stop('SIGKILL');
      await stream.flows(300);
      await lab.etcd.start();
      return stream.close();
    },
  );
  const verdict = `${report.sent} packets sent, ${report.lost} lost`;
  say(report.lost === 0 ? good(verdict) : bad(verdict));
}

async function removePods(lab: Lab, pods: readonly Pod[]): Promise<void> {
  await step(8, 'All pods deleted', async () => {
    for (const pod of pods) {
      const host = lab.host(pod.host.hostname);
      const {exitCode, stdout} = await host.cni('DEL', pod);
      if (exitCode !== 0) throw new Error(`DEL of ${pod.name}: ${stdout}`);
    }
  });
  await Promise.all(lab.hosts.map(podsAreGone));
  say(good('no interface and no route of a pod is left'));
}

const options = readArguments('demo', usage, readOptions);
const scope = new ProgramScope();
const startedAt = performance.now();
let ending = false;

async function end(code: number, error?: unknown): Promise<void> {
  if (ending) return;
  ending = true;
  if (error !== undefined)
    console.error(bad(error instanceof Error ? error.message : String(error)));
  await scope.close();
  console.log(
    dim(`\nCleaned up. ${((performance.now() - startedAt) / 1000).toFixed(1)} s in all.`),
  );
  process.exit(code);
}

process.on('SIGINT', () => void end(130));
process.on('SIGTERM', () => void end(143));
process.on('SIGHUP', () => void end(129));
main(scope, options).then(
  () => end(0),
  (error: unknown) => end(1, error),
);
