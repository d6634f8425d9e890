import test from 'ava';
import fc from 'fast-check';
import {encodeLine, scanJournal} from './line.js';

const lines = Array.from({length: 5}, (_, n) => encodeLine(n + 1, {kind: 'free', n}));
const file = Buffer.concat(lines);

test('a line is checksum, number, JSON', t => {
  t.is(encodeLine(17, {kind: 'doubt'}).toString(), `fd0b0303 17 {"kind":"doubt"}\n`);
});

test('what was written is read again', t => {
  const scan = scanJournal(file);
  t.like(scan, {validBytes: file.length, tornBytes: 0, damagedLines: 0, lastNumber: 5});
  t.deepEqual(
    scan.items,
    [0, 1, 2, 3, 4].map(n => ({kind: 'record', record: {kind: 'free', n}})),
  );
});

test('every truncation keeps the whole lines before it and is torn, never damaged', t => {
  for (let cut = 0; cut <= file.length; cut++) {
    const scan = scanJournal(file.subarray(0, cut));
    const whole = lines.findIndex((_, n) => Buffer.concat(lines.slice(0, n + 1)).length > cut);
    t.is(scan.items.length, whole < 0 ? 5 : whole);
    t.is(scan.damagedLines + scan.lostRecords, 0);
    t.is(scan.validBytes + scan.tornBytes, cut);
  }
});

test('every flipped bit is noticed', t => {
  for (let bit = 0; bit < file.length * 8; bit++) {
    const bytes = Buffer.from(file);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const scan = scanJournal(bytes);
    t.true(scan.damagedLines + scan.tornBytes > 0, `bit ${bit}`);
  }
});

test('a missing line, a repeated line and exchanged lines are damage', t => {
  const orders = [
    [0, 1, 3, 4],
    [0, 1, 1, 2, 3, 4],
    [0, 2, 1, 3, 4],
    [0, 1, 2, 0, 1, 2, 3, 4],
  ];
  for (const order of orders) {
    const scan = scanJournal(Buffer.concat(order.map(n => lines[n]!)));
    t.true(
      scan.items.some(({kind}) => kind === 'damage'),
      order.join(),
    );
  }
});

test('random octets never throw', t => {
  const seed = Date.now() & 0x7fffffff;
  t.log(`seed ${seed}`);
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 400}), octets => {
      const bytes = Buffer.from(octets);
      const scan = scanJournal(Buffer.concat([file, bytes]));
      t.true(scan.items.length >= 5);
    }),
    {seed},
  );
});
