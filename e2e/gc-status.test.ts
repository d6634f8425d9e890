/*
 *    host a, a block of 16 addresses: its own, and 15 for pods
 *   +------------------------------------------+
 *   | p0 .. p14 have one, p15 .. p19 get none    |
 *   +------------------------------------------+
 *
 * Claim: a host without free addresses says so, and GC removes what the runtime no longer knows.
 */
import {twillConflist} from './lab/cni.js';
import {createCluster, podTraces} from './cluster.js';
import {eventually} from './lab/eventually.js';
import {labTest} from './privileged.js';

const conflist = {...twillConflist, cniVersion: '1.1.0'}; // the first with GC and STATUS

labTest('addresses run out, GC frees those of forgotten pods, and STATUS tells both', async t => {
  const lab = await createCluster(t, {hosts: ['a'], blockSize: 28});
  const a = lab.host('a');
  const pods = await a.createPods(Array.from({length: 20}, (_, index) => `p${index}`));
  const [first, second, ...others] = pods;
  if (!first || !second) throw new Error('20 pods were asked for');
  const statusCode = async () => (await a.cni('STATUS', first, {conflist})).failure?.code;
  t.is(await statusCode(), undefined);

  for (const pod of [first, second]) await a.add(pod, {conflist});
  const outcomes = await Promise.all(others.map(pod => a.cni('ADD', pod, {conflist})));
  const refused = outcomes.filter(({exitCode}) => exitCode !== 0);
  t.is(refused.length, 5);
  for (const {failure} of refused) {
    t.is(failure?.code, 11);
    t.regex(failure?.msg ?? '', /no free .*address/i);
  }
  t.is(await statusCode(), 51);
  t.is((await podTraces(a)).length, 15 * 3, 'the refused left nothing: link and two routes a pod');

  const valid = [first, second].map(pod => ({containerID: pod.containerId, ifname: pod.ifName}));
  const plugins = twillConflist.plugins.map(plugin => ({
    ...plugin,
    'cni.dev/valid-attachments': valid,
  }));
  const gc = await a.cni('GC', first, {conflist: {...conflist, plugins}});
  t.is(gc.exitCode, 0, gc.stdout);
  await eventually(async () => (await podTraces(a)).length === 2 * 3, {
    withinMs: 2000,
    what: 'traces of the two valid pods only',
  });
  t.is(await statusCode(), undefined);
  for (const pod of [first, second]) t.is((await a.cni('CHECK', pod, {conflist})).exitCode, 0);
});
