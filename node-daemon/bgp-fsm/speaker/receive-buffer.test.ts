import test from 'ava';

import {encodeKeepalive} from '../wire/header.js';
import {ReceiveBuffer} from './receive-buffer.js';

const KEEPALIVE = encodeKeepalive();

function bufferOf(...parts: readonly Uint8Array[]): ReceiveBuffer {
  const buffer = new ReceiveBuffer();
  for (const part of parts) buffer.append(part);
  return buffer;
}

test('there is a message when it is whole, and not before', t => {
  for (let octets = 0; octets < KEEPALIVE.length; octets++) {
    t.false(bufferOf(KEEPALIVE.subarray(0, octets)).hasMessage(false), `${octets} octets`);
  }
  t.true(bufferOf(KEEPALIVE.subarray(0, 7), KEEPALIVE.subarray(7)).hasMessage(false));
  const read = bufferOf(KEEPALIVE, KEEPALIVE.subarray(0, 18));
  read.consume(KEEPALIVE.length);
  t.is(read.unread, 18);
  t.false(read.hasMessage(false), 'what was read is no message');
});

test('what is no message lies there to be answered as well', t => {
  t.true(bufferOf(new Uint8Array(19)).hasMessage(false));
});
