/*
 * One host. Claim: /healthz says no when a restart would mend what is wrong, and only then.
 */
import {createCluster} from './cluster.js';
import {askDaemon} from './lab/api.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {labTest} from './privileged.js';

labTest('/healthz says no when the CNI socket is gone, and yes while etcd is', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  t.deepEqual(await health(a), {ok: true, reasons: []});

  await lab.etcd.stop();
  await eventually(() => a.daemon.log().some(({msg}) => String(msg).startsWith('etcd is out')), {
    withinMs: 10_000,
    what: 'etcd to be missed',
  });
  t.true((await health(a)).ok, 'a restart would not bring etcd back');

  const {process: twilld} = a.daemon;
  process.kill(twilld.pid, 'SIGSTOP');
  await t.throwsAsync(health(a), undefined, 'a loop that does not turn does not answer');
  process.kill(twilld.pid, 'SIGCONT');
  twilld.wake();
  t.true((await health(a)).ok);

  await a.run(['rm', '/run/twill/cni.sock']);
  t.deepEqual(await health(a), {ok: false, reasons: ['the CNI socket is not served']});
  await a.killDaemon('SIGTERM');
  await a.launchDaemon();
  await eventually(async () => (await health(a)).ok, {withinMs: 10_000, what: 'life'});
});

async function health(host: Host): Promise<{ok: boolean; reasons: string[]}> {
  return JSON.parse(await askDaemon(host, '/healthz')) as {ok: boolean; reasons: string[]};
}
