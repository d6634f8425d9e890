/*
 *    machine twill                           machine router
 *   +------------------------+              +------------------------+
 *   | our speaker 65001      |--veth, eBGP--| FRR 65002              |
 *   | kernel routes          |              | kernel routes          |
 *   +------------------------+              +------------------------+
 *
 * Claim (RFC 8538): where both said N, a NOTIFICATION from the other and a hold timer that expires are a
 * restart: routes stay in the kernel. Controls: a hard reset (Cease 6/9), ours as well as FRR's, takes them
 * away, and so does a soft one where N was not said.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {Monitor} from '../lab/monitor.js';
import {labTest} from '../privileged.js';
import type {Frr} from './lab/frr.js';
import {programs, startPair} from './lab/pair.js';

const needs = {programs: programs.frr};
const drops = '*filter\n-A INPUT -j DROP\n-A OUTPUT -j DROP\nCOMMIT\n';
const noNewSession =
  '*filter\n-A INPUT -p tcp --syn -j DROP\n-A OUTPUT -p tcp --syn -j DROP\nCOMMIT\n';
const passes = '*filter\n-F INPUT\n-F OUTPUT\nCOMMIT\n';

labTest(
  'frr resets softly: nothing leaves our kernel; hard, and it does; we reset by hand, which is hard',
  async t => {
    const lab = await start(t, true);
    const {pair, frr} = lab;
    await frr.ask(`clear bgp ${pair.ours[0]}`);
    await lab.isUpAgain(2);
    t.deepEqual(lab.deleted('twill'), []);

    await frr.configure('bgp hard-administrative-reset');
    await frr.ask(`clear bgp ${pair.ours[0]}`);
    await lab.isUpAgain(3);
    t.is(lab.deleted('twill').length, 1);

    const before = lab.deleted('router').length;
    const {router} = pair.machines;
    await router.run(['iptables-restore', '--noflush'], {input: noNewSession}); // or zebra sees only what is after it
    pair.twill.command({kind: 'reset', peer: pair.theirs[0], words: 'a test'});
    const hasDeleted = async () => lab.deleted('router').length === before + 1;
    await eventually(hasDeleted, {withinMs: 20_000, everyMs: 50, what: 'a route that frr deletes'});
    await router.run(['iptables-restore', '--noflush'], {input: passes});
    await lab.isUpAgain(4);
    t.is(lab.deleted('router').length, before + 1);
  },
  needs,
);

labTest(
  'nobody hears the other for longer than the hold time: nothing leaves a kernel',
  async t => {
    const lab = await start(t, true);
    const {machines, theirs, twill} = lab.pair;
    await machines.router.run(['iptables-restore', '--noflush'], {input: drops});
    const hasExpired = async () => (await twill.peer(theirs[0] ?? '')).state !== 'Established';
    await eventually(hasExpired, {withinMs: 20_000, everyMs: 50, what: 'the hold timer'});
    await machines.router.run(['iptables-restore', '--noflush'], {input: passes});
    await lab.isUpAgain(2);
    for (const side of ['twill', 'router'] as const) t.deepEqual(lab.deleted(side), [], side);
  },
  needs,
);

labTest(
  'control: without RFC 8538 a soft reset takes the routes away',
  async t => {
    const lab = await start(t, false);
    await lab.frr.ask(`clear bgp ${lab.pair.ours[0]}`);
    await lab.isUpAgain(2);
    t.is(lab.deleted('twill').length, 1);
  },
  needs,
);

async function start(t: ExecutionContext, notification: boolean) {
  const gracefulRestart = {timeSeconds: 60, notification};
  const config = {kernel: true, gracefulRestart};
  const sessions = [{holdSeconds: 3}];
  const pair = await startPair(t, {kind: 'frr', sessions, twill: config, router: config});
  const {twill, machines} = pair;
  const isThere = async () =>
    (await machines.twill.ip('route show 10.2.0.0/24 proto 84')) !== '' &&
    (await machines.router.ip('route show 10.1.0.0/24 proto bgp')) !== '';
  await eventually(isThere, {withinMs: 20_000, everyMs: 50, what: 'routes in both kernels'});
  const monitors = {
    twill: await Monitor.open(machines.twill.namespace),
    router: await Monitor.open(machines.router.namespace),
  };
  return {
    pair,
    frr: pair.router as Frr,
    /** Of what was learnt over IPv4. */
    deleted: (side: keyof typeof monitors) =>
      monitors[side].deletions().filter(line => /\b10\.[12]\.0\.0\/24\b/.test(line)),
    /** For the nth time, and no route is stale any more. */
    async isUpAgain(count: number): Promise<void> {
      const isUp = async () => {
        const peer = await twill.peer(pair.theirs[0] ?? '');
        const {received, stale} = peer.prefixes;
        return peer.established === count && received.ipv4 > 0 && stale.ipv4 === 0;
      };
      await eventually(isUp, {withinMs: 20_000, everyMs: 50, what: `session number ${count}`});
    },
  };
}
