/*
 *    host a                 host b            outside (the fabric)
 *   +--------------+       +---------+       +---------------------+
 *   | p1 --- eth0 -|- br0 -|- p2     |       | 192.0.2.254:8000    |
 *   +--------------+       +---------+       | tells who is calling |
 *                                            +---------------------+
 *
 * Claim: a pod leaves the pools under its host's address, and meets other pods under its own.
 */
import {addPod, createCluster} from './cluster.js';
import {underlay} from './lab.js';
import {labTest} from './privileged.js';

const port = '8000';
const tellCaller = `require('net').createServer(s => s.end(s.remoteAddress.replace('::ffff:', '')))
  .listen(${port}, () => console.log('listening'))`;

labTest('traffic that leaves the pools has the address of the host', async t => {
  const lab = await createCluster(t);
  const [a, b] = [lab.host('a'), lab.host('b')];
  const [p1, p2] = [await addPod(a, 'p1'), await addPod(b, 'p2')];
  for (const server of [
    lab.fabric.start([process.execPath, '-e', tellCaller]),
    p2.start([process.execPath, '-e', tellCaller]),
  ]) {
    await server.line(line => line === 'listening', 5000);
  }
  const seenBy = async (address: string) =>
    (await p1.run(['busybox', 'nc', '-w', '3', address, port])).stdout;

  t.is(await seenBy(underlay.gateway), a.address);
  t.is(await seenBy(underlay.gateway6), a.address6);
  t.is(await seenBy(p2.ipv4), p1.ipv4);
  t.is(await seenBy(p2.ipv6), p1.ipv6);
});
