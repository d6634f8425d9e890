import test from 'ava';

import {rehearseWrites} from './kernel/rehearsal.js';
import {rehearse} from './rehearsal.js';

test('a whole table comes through, and goes again, with policies and without', t => {
  const rehearsed = rehearse();
  t.is(rehearsed.length, 2);
  for (const {selected, toldOctets} of rehearsed) {
    t.is(selected, 2 * 5000);
    t.true(toldOctets > 5000 * 4, `${toldOctets} octets to the taker`); // each prefix is longer than that
  }
});

test('each route is written, and deleted again', async t => {
  const ofObject = 2; // its own coming and going
  t.is(await rehearseWrites(), 2 * (2 * 8000 + ofObject));
});
