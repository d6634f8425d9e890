import test from 'ava';
import {ManualClock} from '../../datastore/clock.js';
import {BgpKernel} from './bgp-kernel.js';

test('a start that fails leaves nothing open and nothing to come', async t => {
  const clock = new ManualClock();
  let open = 0;
  let sockets = 0;
  const log = {info: () => undefined, warn: () => undefined};
  const kernel = new BgpKernel({
    ...{clock, log, onNextHops: () => undefined},
    async openMonitor() {
      open++;
      return {ignore: () => undefined, close: () => void open--};
    },
    openSocket() {
      sockets++;
      return Promise.reject(new Error('no more descriptors'));
    },
  });
  await t.throwsAsync(kernel.start(), {message: 'no more descriptors'});
  t.is(sockets, 1, 'control: it came as far as that');
  t.is(open, 0);
  await clock.advance(600_000);
  t.is(sockets, 1);
});
