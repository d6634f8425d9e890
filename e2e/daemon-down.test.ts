/*
 *    host a
 *   +---------------------------------------------+
 *   | p1, p2, p3   twilld: down, then started      |
 *   | /var/lib/twill/pending-del/                  |
 *   +---------------------------------------------+
 *
 * Claim: without the daemon a DEL succeeds and is done later, and an ADD says to try again.
 */
import {readdir} from 'node:fs/promises';

import {twillConflist} from './lab/cni.js';
import {stateDir} from './lab/daemon.js';
import {eventually} from './lab/eventually.js';
import {addPod, createCluster, endpointKey, endpointKeys, podTraces} from './cluster.js';
import {labTest} from './privileged.js';

labTest('a DEL without the daemon leaves a tombstone that the next start replays', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  const tombstones = () => readdir(a.namespace.path(`${stateDir}/pending-del`)).catch(() => []);
  const [p1, p2, p3] = [await addPod(a, 'p1'), await addPod(a, 'p2'), await addPod(a, 'p3')];
  const before = await podTraces(a);
  await a.killDaemon('SIGKILL');

  t.is((await a.cni('DEL', p1)).exitCode, 0);
  t.is((await a.cni('DEL', p1)).exitCode, 0, 'as often as the runtime likes');
  await a.removePod(p2); // the namespace goes first, as after a crash of the runtime
  const gone = {CNI_NETNS: ''};
  t.is((await a.cni('DEL', p2, {env: gone})).exitCode, 0);
  t.true((await tombstones()).length >= 2);

  const late = await a.pod('late');
  for (const verb of ['ADD', 'CHECK'] as const) {
    const {exitCode, failure, stdout} = await a.cni(verb, verb === 'ADD' ? late : p3);
    t.not(exitCode, 0);
    t.is(failure?.code, 11, stdout);
    t.regex(`${failure?.msg} ${failure?.details}`, /daemon|twilld/i);
  }
  const conflist = {...twillConflist, cniVersion: '1.1.0'}; // the first that has STATUS
  t.is((await a.cni('STATUS', late, {conflist})).failure?.code, 50);
  t.is((await a.cni('VERSION', late)).exitCode, 0);

  const {lines} = (await a.startDaemon()).process;
  t.deepEqual(await tombstones(), []);
  t.deepEqual(
    lines.filter(line => line.includes('lost its interface')),
    [],
    'who was deleted has lost nothing',
  );
  const after = await podTraces(a);
  t.true(after.length > 0 && after.length < before.length);
  t.false(after.some(trace => [...p1.addresses, ...p2.addresses].includes(trace)));
  t.is((await a.cni('CHECK', p3)).exitCode, 0, 'the pod that stayed is whole');
  await eventually(async () => (await endpointKeys(lab)).join() === endpointKey(a, p3), {
    withinMs: 10_000,
    what: 'only the record of the pod that stayed',
  });
  t.is((await a.cni('ADD', late)).exitCode, 0);
  t.is((await a.cni('STATUS', late, {conflist})).exitCode, 0);
});
