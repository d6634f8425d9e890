/** What the tests here are written with: octets as text, messages from their parts. Pure. */
import {Writer} from './bytes.js';
import {UPDATE} from './constants.js';
import {beginMessage, endMessage} from './header.js';
import type {WireSession} from './session.js';

/** '02 00 17' as octets; white space is for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export function message(type: number, body: Uint8Array): Uint8Array {
  const out = new Writer();
  const start = beginMessage(out, type);
  out.bytes(body);
  endMessage(out, start);
  return out.take();
}

export interface UpdateParts {
  readonly withdrawn?: string;
  readonly attributes?: string;
  readonly nlri?: string;
}

/** An UPDATE of parts in hex, with honest lengths. */
export function update({withdrawn = '', attributes = '', nlri = ''}: UpdateParts): Uint8Array {
  const [first, second] = [hex(withdrawn), hex(attributes)];
  const body = new Writer().u16(first.length).bytes(first).u16(second.length).bytes(second);
  return message(UPDATE, body.bytes(hex(nlri)).take());
}

const PLAIN = {receivesPathIds: false, extendedNextHop: false};

export const EBGP: WireSession = {
  peer: 'external',
  as4: true,
  families: {ipv4: PLAIN, ipv6: PLAIN},
  localAddress: hex('0a 00 00 01'),
};

export const IBGP: WireSession = {...EBGP, peer: 'internal'};
export const OLD_PEER: WireSession = {...EBGP, as4: false};
export const ADD_PATH: WireSession = {
  ...IBGP,
  families: {
    ipv4: {receivesPathIds: true, extendedNextHop: false},
    ipv6: {receivesPathIds: true, extendedNextHop: false},
  },
};
export const NEXT_HOP6: WireSession = {
  ...EBGP,
  families: {ipv4: {receivesPathIds: false, extendedNextHop: true}, ipv6: PLAIN},
};

/** Attributes that are well, in hex. */
export const ORIGIN = '40 01 01 00';
export const AS_PATH = '40 02 06 0201 0000fde9'; // 65001
export const NEXT_HOP = '40 03 04 0a000002';
export const LOCAL_PREF = '40 05 04 00000064';
export const MP_REACH6 = '80 0e 1a 0002 01 10 20010db8000000000000000000000002 00 20 20010db8';
export const MP_UNREACH6 = '80 0f 08 0002 01 20 20010db8';
