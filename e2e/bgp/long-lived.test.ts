/*
 *   twill 65001, kernel ---- BIRD 65002: killed, and away for longer than its restart time
 *
 * Claim (RFC 9494): with long-lived stale routes on at both ends its routes stay in our kernel beyond the
 * restart time, and go when the long-lived time is over. Control: without, they go with the restart time.
 */
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {programs, startPair} from './lab/pair.js';

for (const longLivedSeconds of [6, undefined]) {
  labTest(
    `${longLivedSeconds === undefined ? 'control: without long-lived routes' : 'with long-lived routes'}`,
    async t => {
      const long = longLivedSeconds === undefined ? {} : {longLivedSeconds};
      const config = {kernel: true, gracefulRestart: {timeSeconds: 2, ...long}};
      const pair = await startPair(t, {kind: 'bird', twill: config, router: config});
      const {machines, router} = pair;
      const has = async () => (await machines.twill.ip('route show 10.2.0.0/24')) !== '';
      await eventually(has, {withinMs: 15_000, everyMs: 50, what: 'the route'});
      const diedAt = performance.now();
      await router.stop('SIGKILL');
      const isGone = async () => !(await has());
      await eventually(isGone, {withinMs: 20_000, everyMs: 50, what: 'its end'});
      const seconds = (performance.now() - diedAt) / 1000;
      t.log(`${seconds.toFixed(1)} s`);
      if (longLivedSeconds === undefined) t.true(seconds < 4, `${seconds} s`);
      else t.true(seconds > 7 && seconds < 12, `${seconds} s`);
    },
    {programs: programs.bird},
  );
}
