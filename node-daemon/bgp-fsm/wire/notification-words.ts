/** NOTIFICATIONs in words, for logs and `twillctl bgp peers`. Pure. */
import {
  hardResetReason,
  isHardReset,
  prefixBound,
  shutdownText,
  type Notification,
} from './notification.js';

interface Words {
  readonly name: string;
  readonly subcodes: readonly string[]; // by subcode; '' where IANA has none
}

const WORDS: readonly (Words | undefined)[] = [
  undefined,
  {
    name: 'message header error',
    subcodes: ['', 'connection not synchronised', 'bad message length', 'bad message type'],
  },
  {
    name: 'OPEN error',
    subcodes: [
      'malformed optional parameter',
      'unsupported version number',
      'bad peer AS',
      'bad BGP identifier',
      'unsupported optional parameter',
      'authentication failure',
      'unacceptable hold time',
      'unsupported capability',
      '',
      '',
      '',
      'role mismatch',
    ],
  },
  {
    name: 'UPDATE error',
    subcodes: [
      '',
      'malformed attribute list',
      'unrecognised well-known attribute',
      'missing well-known attribute',
      'attribute flags error',
      'attribute length error',
      'invalid ORIGIN',
      'AS routing loop',
      'invalid NEXT_HOP',
      'optional attribute error',
      'invalid network field',
      'malformed AS_PATH',
    ],
  },
  {name: 'hold timer expired', subcodes: []},
  {
    name: 'FSM error',
    subcodes: [
      '',
      'unexpected message in OpenSent',
      'unexpected message in OpenConfirm',
      'unexpected message in Established',
    ],
  },
  {
    name: 'Cease',
    subcodes: [
      '',
      'maximum number of prefixes reached',
      'administrative shutdown',
      'peer de-configured',
      'administrative reset',
      'connection rejected',
      'other configuration change',
      'connection collision resolution',
      'out of resources',
      'hard reset',
      'BFD down',
    ],
  },
  {name: 'ROUTE-REFRESH error', subcodes: ['', 'invalid message length']},
  {name: 'send hold timer expired', subcodes: []},
];

/**
 * `Cease: hard reset (Cease: administrative shutdown, "rack 12 moves")`.
 * Looks into one hard reset, not into those inside it: the depth is the sender's choice.
 */
export function describeNotification(what: Notification): string {
  const inner = hardResetReason(what);
  return inner === undefined ? sayOne(what) : `${wordsOf(what)} (${sayOne(inner)})`;
}

function sayOne(what: Notification): string {
  if (isHardReset(what)) return wordsOf(what);
  const text = shutdownText(what);
  if (text !== undefined) return `${wordsOf(what)}, ${JSON.stringify(text)}`;
  const limit = prefixBound(what);
  if (limit === undefined) return wordsOf(what);
  return `${wordsOf(what)} (${limit.family}, limit ${limit.bound})`;
}

function wordsOf({code, subcode}: Notification): string {
  const words = WORDS[code];
  if (words === undefined) return `code ${code}, subcode ${subcode}`;
  const detail = words.subcodes[subcode] ?? '';
  if (detail !== '') return `${words.name}: ${detail}`;
  return subcode === 0 ? words.name : `${words.name}: subcode ${subcode}`;
}
