/*
 *   nobody 192.0.2.200 ····· twill (65001) ───── BIRD (65002)
 *
 * Claim: a restart of ours does not wait for a peer that was away before it, and of whose routes none was
 * kept (calico #9976). Control: the first start, which cannot know, waits for it.
 */
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {addressOf, programs, startPair, type Pair} from './lab/pair.js';
import {established} from './lab/router.js';

const nobody = '192.0.2.200';

labTest(
  'we restart, and do not wait for a peer that was away all the time',
  async t => {
    const config = {kernel: true, gracefulRestart: {timeSeconds: 30}};
    const ours = addressOf('twill', 'ipv4', 0);
    const theirs = {address: addressOf('router', 'ipv4', 0), localAddress: ours, asn: 65002};
    const pair = await startPair(t, {
      ...{kind: 'bird', router: config},
      twill: {...config, peers: [theirs, {address: nobody, localAddress: ours, asn: 65009}]},
    });
    const {twill, machines} = pair;
    t.true((await twill.restart()).awaited.includes(nobody), 'control');
    await isOver(pair);
    const isNoted = async () => {
      const {stdout} = await machines.twill.run(['cat', '/run/twill/state/bgp-has-run']);
      return stdout.includes(`"absent":["${nobody}@${nobody}"]`);
    };
    await eventually(isNoted, {withinMs: 30_000, everyMs: 100, what: 'a note of who is away'});
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await twill.stop(signal);
      await twill.start();
      t.false((await twill.restart()).awaited.includes(nobody), signal);
      const startedMs = performance.now();
      await isOver(pair);
      t.true(performance.now() - startedMs < 8000, 'before the 10 s of the deferral');
    }
  },
  {programs: programs.bird},
);

async function isOver({twill, ours, theirs, router}: Pair): Promise<void> {
  await established(twill, theirs[0] ?? '', 30_000);
  await established(router, ours[0] ?? '', 30_000);
  await eventually(async () => (await twill.restart()).isOver, {
    ...{withinMs: 20_000, everyMs: 50, what: 'the end of our restart'},
  });
}
