/*
 *    host a        etcd: a BGPPeer that selects no node, a BGPConfig that names a node that is not there,
 *   +---------+          a node's record that is garbage
 *   | twilld  |
 *   +---------+
 *
 * Claim: what node status has under PROBLEM is in the daemon's log as well: once when it comes, once when it is
 * over, and not again with each change of something else.
 */
import {createCluster, prefix} from './cluster.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {labTest} from './privileged.js';

const lost = `apiVersion: twill.io/v1
kind: BGPPeer
metadata: {name: lost}
spec: {nodeSelector: {matchLabels: {rack: r9}}, address: 192.0.2.99, asn: 65001}
`;

const leaving = (asn: number) => `apiVersion: twill.io/v1
kind: BGPConfig
metadata: {name: default}
spec: {asn: ${asn}, gracefulShutdown: [worker-7]}
`;

const problems = {
  'bgppeer/lost': /^spec\.nodeSelector: selects no node/,
  'bgpconfig/default': /^spec\.gracefulShutdown: there is no node worker-7/,
  [`${prefix}/nodes/x`]: /expected JSON/,
};

labTest('problems are in the log when they come and when they are over, once each', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  await lab.apply([lost, leaving(64_600)].join('---\n'));
  await lab.etcd.put(`${prefix}/nodes/x`, 'garbage');
  for (const [key, message] of Object.entries(problems)) {
    await eventually(async () => (await shown(a, key)).some(each => message.test(each)), {
      ...{withinMs: 10_000, everyMs: 100, what: `${key} in node status`},
    });
    await logs(a, 'warn', 'problem', key, message);
  }

  for (const asn of [64_601, 64_602, 64_603]) await lab.apply(leaving(asn));
  await lab.twillctl(['delete', 'bgppeer', 'lost']);
  await lab.twillctl(['delete', 'bgpconfig', 'default']);
  await lab.etcd.delete(`${prefix}/nodes/x`);
  for (const [key, message] of Object.entries(problems)) {
    await logs(a, 'info', 'problem is over', key, message);
    t.is(lines(a, 'warn', key, message).length, 1, key);
    t.is(lines(a, 'info', key, message).length, 1, key);
    t.deepEqual(await shown(a, key), []);
  }
});

async function shown(host: Host, key: string): Promise<readonly string[]> {
  const {stdout} = await host.twillctl(['node', 'status', '-o', 'json']);
  const status = JSON.parse(stdout) as {problems: readonly {key: string; message: string}[]};
  return status.problems.filter(each => each.key === key).map(({message}) => message);
}

function lines(host: Host, level: string, key: string, message: RegExp) {
  return host.daemon
    .log()
    .filter(record => record['level'] === level && record['key'] === key)
    .filter(record => message.test(JSON.stringify(record['problem'] ?? '').slice(1)));
}

async function logs(
  host: Host,
  level: string,
  msg: string,
  key: string,
  message: RegExp,
): Promise<void> {
  const isLogged = () =>
    Promise.resolve(lines(host, level, key, message).some(record => record['msg'] === msg));
  await eventually(isLogged, {withinMs: 10_000, everyMs: 100, what: `${key} in the log`});
}
