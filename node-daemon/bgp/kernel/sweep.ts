/** Takes what BGP has taught the kernel out of it, whoever wrote it and when. Shell. */
import {systemClock} from '../../datastore/clock.js';
import type {RightOfWay} from '../right-of-way.js';
import {BgpKernel, type Log} from './bgp-kernel.js';
import {kernelOf} from './open-kernel.js';
import {families} from './routes.js';

const LOOK_MS = 50;
const MOST_LOOKS = 200;

/**
 * To one that selects nothing all of it is stale.
 * @throws NetlinkError when the kernel cannot be read, Error when routes are left after ten seconds.
 */
export async function sweepKernel(log: Log, verbs: RightOfWay): Promise<void> {
  const kernel = new BgpKernel({
    ...{...kernelOf(), log, onNextHops: () => undefined},
    othersPass: () => verbs.passed(),
  });
  await kernel.start();
  try {
    for (const family of families) kernel.sweep(family);
    for (let look = 0; look < MOST_LOOKS && isHolding(kernel); look++) {
      await new Promise<void>(resolve => systemClock.after(LOOK_MS, resolve));
    }
    if (isHolding(kernel)) throw new Error('learnt routes are still in the kernel');
  } finally {
    await kernel.stop();
  }
}

function isHolding(kernel: BgpKernel): boolean {
  const {routes} = kernel.status();
  return families.some(family => routes[family].held > 0);
}
