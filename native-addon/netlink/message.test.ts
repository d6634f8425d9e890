import test from 'ava';

import {NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_ERROR} from './constants.js';
import {DecodeError} from './errors.js';
import {decodeAck, encodeBatch, Frames, type Request} from './message.js';
import {Writer} from './writer.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const request = (bytes: number): Request => ({
  op: `request of ${bytes}`,
  type: 24,
  flags: 0x600,
  payload: new Uint8Array(bytes).fill(7),
});

test('a batch is cut after 64 messages', t => {
  const {bytes, ends, lasts} = encodeBatch(
    Array.from({length: 130}, () => request(12)),
    1,
    1,
    4,
  );
  t.deepEqual([...ends], [64 * 28, 128 * 28, 130 * 28]);
  t.deepEqual(lasts, [63, 127, 129]);
  t.is(bytes.length, 130 * 28);
  const acked = Array.from({length: 130}, (_, n) => n).filter(n => (bytes[n * 28 + 6] ?? 0) & 4);
  t.deepEqual(acked, [63, 127, 129], 'the last of each has the last flags too');
});

test('a batch is cut before it exceeds 32 KiB, but one message is never cut', t => {
  const {ends} = encodeBatch([request(20_000), request(20_000), request(40_000)], 1, 0);
  t.deepEqual([...ends], [20_016, 40_032, 80_048]);
});

test('messages have the flags, sequence numbers and alignment of struct nlmsghdr', t => {
  const {bytes} = encodeBatch([request(1), request(4)], 0xffffffff, 0x5);
  t.deepEqual(
    bytes,
    hex(
      `11000000 1800 0506 ffffffff 00000000 07 000000
         14000000 1800 0506 00000000 00000000 07070707`.replaceAll(/\s/g, ''),
    ),
  );
  const frames = new Frames(bytes);
  t.true(frames.next());
  t.deepEqual(frames.message(), {type: 24, flags: 0x605, payload: Uint8Array.of(7)});
  t.true(frames.next());
  t.is(frames.sequence, 0);
  t.false(frames.next());
});

test('every truncation of messages is a DecodeError, or ends between two', t => {
  const {bytes} = encodeBatch([request(4), request(8)], 1, 0);
  for (let cut = 1; cut < bytes.length; cut++) {
    const walk = () => {
      const frames = new Frames(bytes.subarray(0, cut));
      while (frames.next());
    };
    if (cut === 20) t.notThrows(walk);
    else t.is(t.throws(walk, {instanceOf: DecodeError}).field, 'message.length');
  }
});

test('an acknowledgement is no error', t => {
  const payload = hex('00000000 24000000 1800 0506 01000000 00000000');
  t.is(decodeAck({type: NLMSG_ERROR, flags: NLM_F_CAPPED, payload}, 'add', 'error'), undefined);
});

test('an extended ack brings the kernel message and the offset', t => {
  const payload = new Writer().start(20).text(1, 'Nexthop has invalid gateway').u32(2, 36).finish();
  new DataView(payload.buffer, payload.byteOffset).setInt32(0, -101, true);
  const flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
  const error = decodeAck({type: NLMSG_ERROR, flags, payload}, 'add route 10.0.0.0/26', 'error');
  t.like(error, {
    code: 'ENETUNREACH',
    errno: 101,
    kernelMessage: 'Nexthop has invalid gateway',
    offset: 36,
    retry: 'backoff',
    message: 'add route 10.0.0.0/26: ENETUNREACH: Nexthop has invalid gateway',
  });
});

test('attributes of an ack that echoes the request stand after the echo', t => {
  const w = new Writer().start(4 + 16 + 8);
  w.setU32(0, -17 >>> 0).setU32(4, 24); // EEXIST; the request had 24 octets
  const payload = w.text(1, 'File exists').finish();
  const error = decodeAck({type: NLMSG_ERROR, flags: NLM_F_ACK_TLVS, payload}, 'add', 'error');
  t.like(error, {code: 'EEXIST', kernelMessage: 'File exists', retry: 'never'});
});

test('every truncation of an ack is a DecodeError', t => {
  const whole = new Writer().start(20).text(1, 'no').finish();
  whole[0] = 0xff;
  for (let cut = 0; cut < 27; cut++) {
    if (cut === 20) continue; // no attributes
    const message = {type: NLMSG_ERROR, flags: 0x300, payload: whole.subarray(0, cut)};
    const error = t.throws(() => decodeAck(message, 'x', 'error'), {instanceOf: DecodeError});
    t.regex(error.field, /^ack\./);
  }
});
