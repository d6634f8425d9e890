/** How many messages of each type went one way, by session history of the peer. Pure. */
import {
  HEADER_LENGTH,
  KEEPALIVE,
  NOTIFICATION,
  OPEN,
  ROUTE_REFRESH,
  UPDATE,
} from '../wire/constants.js';
import {u16, u8} from '../wire/bytes.js';

export type MessageName = 'open' | 'update' | 'notification' | 'keepalive' | 'refresh';
export type MessageCounts = Record<MessageName, number>;

const NAMES: Readonly<Record<number, MessageName>> = {
  [OPEN]: 'open',
  [UPDATE]: 'update',
  [NOTIFICATION]: 'notification',
  [KEEPALIVE]: 'keepalive',
  [ROUTE_REFRESH]: 'refresh',
};

export function noMessages(): MessageCounts {
  return {open: 0, update: 0, notification: 0, keepalive: 0, refresh: 0};
}

export function countMessage(counts: MessageCounts, type: number): void {
  const name = NAMES[type];
  if (name !== undefined) counts[name]++;
}

/** `bytes` are whole messages, back to back. */
export function countMessages(counts: MessageCounts, bytes: Uint8Array): void {
  for (
    let at = 0;
    at + HEADER_LENGTH <= bytes.length;
    at += Math.max(HEADER_LENGTH, u16(bytes, at + 16))
  ) {
    countMessage(counts, u8(bytes, at + 18));
  }
}
