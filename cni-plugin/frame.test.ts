import test from 'ava';
import fc from 'fast-check';
import {DecodeError} from '#native-addon';
import {decodeFrame, decodeReply, encodeFrame, encodeReply, type Frame} from './frame.js';

const SMALL: Frame = {
  command: 'DEL',
  containerId: 'c1',
  netnsPath: '',
  ifName: 'eth0',
  args: 'A=b',
  path: '/p',
  stdin: Buffer.from('{}'),
  ipamResult: new Uint8Array(),
};

/** Written by hand from the picture in frame.ts. */
const WIRE = hex(`
  54574c31
  03000000 44454c
  02000000 6331
  00000000
  04000000 65746830
  03000000 413d62
  02000000 2f70
  02000000 7b7d
  00000000
  454e4431`);

test('a request is what the binary writes', t => {
  t.deepEqual(Buffer.from(encodeFrame(SMALL)), WIRE);
  const decoded = decodeFrame(WIRE);
  t.is(decoded.command, 'DEL');
  t.is(decoded.ifName, 'eth0');
  t.deepEqual(Buffer.from(decoded.stdin), Buffer.from('{}'));
});

test('every truncation is a DecodeError that names the field', t => {
  for (let cut = 0; cut < WIRE.length; cut++) {
    const error = t.throws(() => decodeFrame(WIRE.subarray(0, cut)), {instanceOf: DecodeError});
    t.regex(error.field, /^frame\.[a-zA-Z]+$/);
  }
});

test('a length beyond the limit, a wrong marker, bad UTF-8 and a tail name their field', t => {
  const cases: readonly (readonly [Buffer, string])[] = [
    [patch(WIRE, 4, hex('ffffffff')), 'frame.command'],
    [patch(WIRE, 0, hex('54574c32')), 'frame.magic'],
    [patch(WIRE, 8, hex('ff')), 'frame.command'],
    [Buffer.concat([WIRE, hex('00')]), 'frame.end'],
  ];
  for (const [bytes, field] of cases) {
    const error = t.throws(() => decodeFrame(bytes), {instanceOf: DecodeError});
    t.is(error.field, field);
  }
});

test('what is encoded is decoded again', t => {
  const text = fc.string({unit: 'binary', maxLength: 40}).filter(isWellFormed);
  const octets = fc.uint8Array({maxLength: 100});
  const frame = fc.record({
    command: text,
    containerId: text,
    netnsPath: text,
    ifName: text,
    args: text,
    path: text,
    stdin: octets,
    ipamResult: octets,
  });
  fc.assert(
    fc.property(frame, value => {
      const decoded = decodeFrame(encodeFrame(value));
      t.deepEqual(
        {...decoded, stdin: [...decoded.stdin], ipamResult: [...decoded.ipamResult]},
        {...value, stdin: [...value.stdin], ipamResult: [...value.ipamResult]},
      );
    }),
  );
});

test('any octets decode or are a DecodeError', t => {
  const near = fc.tuple(fc.nat(WIRE.length - 1), fc.uint8Array({minLength: 1, maxLength: 8}));
  const damaged = near.map(([at, octets]) => patch(WIRE, at, Buffer.from(octets)));
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({maxLength: 200}), damaged), octets => {
        try {
          decodeFrame(octets);
        } catch (error) {
          t.true(error instanceof DecodeError);
        }
      }),
      {numRuns: 2000},
    ),
  );
});

test('a reply is an exit code and what is printed', t => {
  t.deepEqual(Buffer.from(encodeReply(1, '{"é":1}')), Buffer.from('\x01\0\0\0{"é":1}', 'utf8'));
  t.deepEqual(decodeReply(encodeReply(7, 'x')), {exitCode: 7, stdout: 'x'});
  t.throws(() => decodeReply(Buffer.alloc(3)), {instanceOf: DecodeError});
});

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

function patch(bytes: Buffer, at: number, octets: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  octets.copy(copy, at);
  return copy;
}

/** A lone surrogate has no UTF-8. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text, 'utf8').toString('utf8') === text;
}
