/*
 *    host a                        host b
 *   +------------------+          +------------------+
 *   | p1 --1,000 pps---|-- br0 ---|---> p2           |
 *   | twilld: kill -9  |          | twilld: kill -9  |
 *   +------------------+          +------------------+
 *
 * Claim: killing and starting the daemon under traffic loses no packet and deletes nothing.
 * TWILL_RESTARTS sets how often (20).
 */
import {Stream} from './lab/traffic.js';
import {addPod, createCluster} from './cluster.js';
import {labTest} from './privileged.js';

const rounds = Number(process.env['TWILL_RESTARTS'] ?? 20);

labTest(`the daemon is killed ${rounds} times under traffic and no packet is lost`, async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  const monitors = await Promise.all([a.monitor(), b.monitor()]);
  const deletions = () => monitors.flatMap(monitor => monitor.deletions()).filter(isOfInterest);

  const stream = await Stream.open(p1, p2, p2.ipv4);
  for (let round = 0; round < rounds; round++) {
    const host = round % 2 === 0 ? a : b;
    await host.killDaemon('SIGKILL');
    await stream.flows(50);
    await host.startDaemon();
    await stream.flows(50);
  }
  await a.killDaemon('SIGTERM');
  await b.killDaemon('SIGTERM');
  await stream.flows(50);
  const report = await stream.close();
  t.log(JSON.stringify(report));
  t.is(report.lost, 0);
  t.is(report.duplicates, 0);
  t.deepEqual(deletions(), []);

  // the instruments do notice: one route gone for a moment is a deletion and a loss
  const cut = await Stream.open(p1, p2, p2.ipv4);
  const [route] = await b.json<{dev: string}>(`ip route show ${p2.ipv4}`);
  await b.ip(`route del ${p2.ipv4}`);
  await b.ip(`route add ${p2.ipv4} dev ${route?.dev} proto 84 scope link`);
  t.true((await cut.close()).lost > 0, 'the stream notices a loss');
  t.true(
    deletions().some(line => line.includes(p2.ipv4)),
    'the monitor notices a deletion',
  );
});

/** The kernel forgets by itself what it learnt on the underlay, and multicast groups (ff02::16). */
function isOfInterest(deletion: string): boolean {
  return !/ dev eth0 | ff02:.* NOARP/.test(deletion);
}
