/**
 * Messages that brought other speakers down, and a walk over one connection's octets that does all
 * that a session does with them. For the tests and for long campaigns. Pure.
 */
import {decodeAttributes} from './attributes.js';
import * as c from './constants.js';
import {encodeAttributes} from './attribute-encode.js';
import {nextMessage} from './header.js';
import {NlriCursor} from './nlri.js';
import {decodeNotification, encodeNotification, type Notification} from './notification.js';
import {describeNotification} from './notification-words.js';
import {decodeOpen, encodeOpen} from './open.js';
import {decodeRefresh} from './refresh.js';
import type {WireSession} from './session.js';
import {judgeUpdate, UpdateReader} from './update.js';
import {
  AS_PATH,
  hex,
  message,
  MP_REACH6,
  MP_UNREACH6,
  NEXT_HOP,
  ORIGIN,
  update,
} from './vectors.js';

export interface Hostile {
  readonly name: string;
  readonly wire: Uint8Array;
  readonly outcome: string; // of `outcomeOf` with an external 4-octet peer
}

const MARKER = 'ff'.repeat(16);
const FIXED = '04 fde9 005a 0a000001';
const WELL = ORIGIN + AS_PATH + NEXT_HOP;

function open(parameters: string): Uint8Array {
  return message(c.OPEN, hex(FIXED + parameters));
}

function raw(text: string): Uint8Array {
  return hex(MARKER + text);
}

export const HOSTILE: readonly Hostile[] = [
  {
    name: 'BIRD CVE-2019-16159: shutdown text longer than the message',
    wire: raw('0017 03 06 02 ff 41'),
    outcome: 'Cease: administrative shutdown, "A"',
  },
  {
    name: 'FRR CVE-2022-36440: length of the parameters with nothing behind it',
    wire: open('ff'),
    outcome: 'error 2/0',
  },
  {
    name: 'FRR CVE-2022-40302: extended parameters end within their header',
    wire: open('ff ff 00'),
    outcome: 'error 2/0',
  },
  {
    name: 'FRR CVE-2022-40318: extended parameter ends within its length',
    wire: open('ff ff 0002 02 00'),
    outcome: 'error 2/0',
  },
  {
    name: 'FRR CVE-2022-43681: OPEN of 29 octets that promises an extended form',
    wire: raw(`001d 01 ${FIXED} ff`),
    outcome: 'error 2/0',
  },
  {
    name: 'FRR CVE-2022-37032: a dynamic capability message, not agreed',
    wire: raw('0017 06 00 01 04 00'),
    outcome: 'error 1/3',
  },
  {
    name: 'FRR CVE-2023-31489: long-lived restart of less than a tuple',
    wire: open('0a 02 08 47 06 000101800000'),
    outcome: 'error 2/0',
  },
  {
    name: 'Quagga CVE-2012-1820: ORF capability that ends within an entry',
    wire: open('08 02 06 03 04 00010001'),
    outcome: 'open',
  },
  {
    name: 'Quagga CVE-2018-5381: multiprotocol capability of no octets',
    wire: open('04 02 02 01 00'),
    outcome: 'error 2/0',
  },
  {
    name: 'GoBGP CVE-2025-43971: software version of length 0',
    wire: open('04 02 02 4b 00'),
    outcome: 'open',
  },
  {
    name: 'GoBGP CVE-2025-43972: host name longer than its capability',
    wire: open('06 02 04 49 02 ff41'),
    outcome: 'open',
  },
  {
    name: 'FRR CVE-2017-15865: an attribute length that asks for 65535 octets of NOTIFICATION',
    wire: update({attributes: `${WELL} 90 0f ffff 000201`, nlri: '08 0a'}),
    outcome: 'error 3/9',
  },
  {
    name: 'Quagga CVE-2018-5378: MP_REACH longer than the block',
    wire: update({attributes: `${WELL} 80 0e ff 000201`}),
    outcome: 'error 3/1',
  },
  {
    name: 'Quagga CVE-2018-5379: repeated CLUSTER_LIST and unknown attribute',
    wire: update({
      attributes: `${WELL} 80 0a 04 0a000001 80 0a 04 0a000001 c0 63 00 c0 63 00`,
      nlri: '08 0a',
    }),
    outcome: 'discard',
  },
  {
    name: 'Quagga CVE-2017-16227: AS_PATH of several full segments',
    wire: update({
      attributes: `${ORIGIN} ${NEXT_HOP} 50 02 0bf6 ${`02ff${'0000fde9'.repeat(255)}`.repeat(2)} 02fe${'0000fde9'.repeat(254)}`,
      nlri: '08 0a',
    }),
    outcome: 'ok',
  },
  {
    name: 'FRR CVE-2023-38802, OpenBGPD CVE-2023-38283: broken TUNNEL_ENCAPSULATION',
    wire: update({attributes: `${WELL} e0 17 05 000fff0000`, nlri: '08 0a'}),
    outcome: 'ok',
  },
  {
    name: 'FRR CVE-2023-41358: prefixes with no attributes at all',
    wire: update({nlri: '18 c00002'}),
    outcome: 'withdraw',
  },
  {
    name: 'FRR CVE-2023-41360: ROUTE-REFRESH with an ORF header of one octet',
    wire: raw('0018 05 0001 00 01 01'),
    outcome: 'error 7/1',
  },
  {
    name: 'FRR CVE-2023-41909: flowspec prefixes of length 0',
    wire: update({attributes: `80 0e 06 0001 85 00 00 00 ${ORIGIN} ${AS_PATH}`}),
    outcome: 'ok',
  },
  {
    name: 'FRR CVE-2023-46752: MP_REACH that is malformed, with a withdraw beside it',
    wire: update({attributes: `80 0e 05 0002 01 ff 00 ${WELL} 80 04 01 00`, nlri: '08 0a'}),
    outcome: 'error 3/1',
  },
  {
    name: 'FRR CVE-2023-46753: an unknown attribute alone, then prefixes',
    wire: update({attributes: 'c0 63 01 00', nlri: '08 0a'}),
    outcome: 'withdraw',
  },
  {
    name: 'FRR CVE-2023-47234: MP_UNREACH and prefixes without what is mandatory',
    wire: update({attributes: MP_UNREACH6, nlri: '08 0a'}),
    outcome: 'withdraw',
  },
  {
    name: 'FRR CVE-2023-47235: End-of-RIB with a malformed attribute',
    wire: update({attributes: '80 0f 03 0002 01 40 01 01 09'}),
    outcome: 'error 3/6',
  },
  {
    name: 'FRR CVE-2024-31948: PREFIX_SID whose TLV overruns',
    wire: update({attributes: `${WELL} c0 28 03 01 0007`, nlri: '08 0a'}),
    outcome: 'discard',
  },
  {
    name: 'RIPE 2010: attribute 99 of 3000 octets',
    wire: update({attributes: `${WELL} d0 63 0bb8 ${'00'.repeat(3000)}`, nlri: '08 0a'}),
    outcome: 'ok',
  },
  {
    name: 'attributes that are all headers',
    wire: update({attributes: 'c0 63 00'.repeat(1300), nlri: '08 0a'}),
    outcome: 'withdraw',
  },
  {
    name: 'four thousand default routes',
    wire: update({attributes: WELL, nlri: '00'.repeat(4000)}),
    outcome: 'ok',
  },
  {
    name: 'MP_REACH and MP_UNREACH around other attributes',
    wire: update({attributes: ORIGIN + MP_REACH6 + AS_PATH + MP_UNREACH6}),
    outcome: 'ok',
  },
];

/**
 * Reads all messages as a session would, and says what became of the last. Throws only when the
 * codec contradicts itself: that is what the tests look for.
 */
export function outcomeOf(wire: Uint8Array, session: WireSession, extended = false): string {
  let outcome = 'incomplete';
  for (let at = 0; at < wire.length;) {
    const frame = nextMessage(wire, at, wire.length, extended);
    if (frame.kind === 'incomplete') {
      if (frame.needed <= wire.length - at) throw new Error('needs what it has');
      return outcome;
    }
    if (frame.kind === 'error') return refusal(frame.notification);
    if (frame.at !== at || frame.length < c.HEADER_LENGTH) throw new Error('no step forward');
    outcome = outcomeOfOne(wire, at, frame, session);
    at += frame.length;
  }
  return outcome;
}

function outcomeOfOne(
  wire: Uint8Array,
  at: number,
  {type, length}: {readonly type: number; readonly length: number},
  session: WireSession,
): string {
  switch (type) {
    case c.OPEN: {
      const result = decodeOpen(wire, at, length);
      if (result.kind === 'error') return refusal(result.notification);
      encodeOpen(result.open);
      return 'open';
    }
    case c.UPDATE:
      return outcomeOfUpdate(wire, at, length, session);
    case c.NOTIFICATION: {
      const found = decodeNotification(wire, at, length);
      encodeNotification(found);
      return describeNotification(found);
    }
    case c.ROUTE_REFRESH:
      return `refresh ${decodeRefresh(wire, at).kind}`;
    default:
      return 'keepalive';
  }
}

function outcomeOfUpdate(
  wire: Uint8Array,
  at: number,
  length: number,
  session: WireSession,
): string {
  const reader = new UpdateReader(session);
  const notification = reader.read(wire, at, length);
  if (notification !== undefined) return refusal(notification);
  const {block, blockAt, blockEnd} = reader;
  if (blockAt > blockEnd || blockEnd > block.length) throw new Error('block out of bounds');
  const decoded = decodeAttributes(block, blockAt, blockEnd, session);
  encodeAttributes(decoded.attributes, session.as4 ? 4 : 2);

  const cursor = new NlriCursor();
  for (const field of [reader.withdrawn, reader.announced, reader.mpReach, reader.mpUnreach]) {
    if (!field.present || field.family === undefined) continue;
    if (field.at < at || field.end > at + length) throw new Error('prefixes out of bounds');
    let count = 0;
    for (reader.open(cursor, field); cursor.next(); count++) {
      if (cursor.bits > field.form.width * 8) throw new Error('prefix too long');
    }
    if (count !== field.count) throw new Error('prefixes were counted differently');
  }
  const verdict = judgeUpdate(reader, decoded);
  return verdict.kind === 'reset' ? refusal(verdict.notification) : verdict.kind;
}

function refusal(notification: Notification): string {
  if (encodeNotification(notification).length > c.MAX_MESSAGE) throw new Error('too long');
  return `error ${notification.code}/${notification.subcode}`;
}

/** A small generator with a seed: xorshift32. The seed is not 0. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed | 0 || 1;
  return below => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Octets flipped, set to limits, removed or repeated; the header mostly kept whole. */
export function mutate(wire: Uint8Array, random: (below: number) => number): Uint8Array {
  let mutant: Uint8Array = wire.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at =
      random(16) === 0 ? random(mutant.length) : 19 + random(Math.max(1, mutant.length - 19));
    switch (random(5)) {
      case 0:
        mutant[at] = (mutant[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        mutant[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)] ?? 0;
        break;
      case 2:
        mutant[at] = random(256);
        break;
      case 3:
        mutant = concatenate(mutant.subarray(0, at), mutant.subarray(at + 1 + random(8)));
        break;
      default:
        mutant = concatenate(mutant.subarray(0, at), mutant.subarray(Math.max(0, at - random(12))));
    }
  }
  if (random(8) !== 0 && mutant.length >= c.HEADER_LENGTH) {
    mutant[16] = mutant.length >>> 8; // an honest length lets the body be read
    mutant[17] = mutant.length;
  }
  return mutant;
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
