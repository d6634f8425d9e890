import test from 'ava';
import fc from 'fast-check';

import {Backlog} from './backlog.js';

test('has what was put in and not forgotten, at the place where it came', t => {
  const steps = fc.array(fc.tuple(fc.constantFrom('push', 'trim'), fc.nat(9000)), {maxLength: 40});
  fc.assert(
    fc.property(steps, all => {
      const backlog = new Backlog();
      const naive: number[] = [];
      let base = 0;
      for (const [verb, count] of all) {
        if (verb === 'push') {
          for (let n = 0; n < count; n++) backlog.push(naive.push(0xffff_0000 + naive.length));
        } else {
          backlog.trim(count);
          base = Math.max(base, Math.min(count, naive.length));
        }
      }
      t.is(backlog.base, base);
      t.is(backlog.end, naive.length);
      for (const place of [0, base - 1, base, base + 1, 4095, 4096, naive.length - 1]) {
        const isKept = place >= base && place < naive.length;
        t.is(backlog.at(place), isKept ? place + 1 : 0);
      }
      t.is(backlog.at(naive.length), 0);
    }),
    {numRuns: 100},
  );
});
