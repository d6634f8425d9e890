/**
 * Addresses of interfaces. Pure. Payload: struct ifaddrmsg, then IFA_… (linux/if_addr.h).
 *
 *    0        1      2       3       4       8
 *   +--------+------+-------+-------+-------+
 *   | family | bits | flags | scope | index |   flags: low 8 bits of IFA_FLAGS
 *   +--------+------+-------+-------+-------+
 *
 * IFA_LOCAL is the address, IFA_ADDRESS the other end of a point-to-point link: the same thing on
 * every link this project makes. IPv6 has IFA_ADDRESS only.
 */
import {
  IFA_ADDRESS,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RTM_DELADDR,
  RTM_GETADDR,
  RTM_NEWADDR,
} from './constants.js';
import {Cursor} from './cursor.js';
import {DecodeError} from './errors.js';
import {fromAf, toAf, widthOf, type Family} from './family.js';
import type {Mutable} from './link.js';
import type {Request} from './message.js';
import {formatIp, request} from './request.js';
import {writer} from './writer.js';

export interface Address {
  readonly family: Family;
  readonly index: number; // of the interface
  readonly address: Uint8Array;
  readonly bits: number;
  readonly scope: number; // RT_SCOPE_…
  readonly flags: number; // IFA_F_…
  readonly label?: string; // IPv4
}

const IFADDRMSG_BYTES = 8;

export function newAddress(address: Address, mode: 'add' | 'replace' = 'add'): Request {
  const flags = mode === 'add' ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE | NLM_F_REPLACE;
  return request(RTM_NEWADDR, flags, encode(address), () => `${mode} address ${format(address)}`);
}

export function deleteAddress(address: Address): Request {
  return request(RTM_DELADDR, 0, encode(address), () => `delete address ${format(address)}`);
}

/** The kernel filters. */
export function dumpAddresses(filter: {family?: Family; index?: number} = {}): Request {
  const w = writer.start(IFADDRMSG_BYTES);
  if (filter.family !== undefined) w.setU8(0, toAf(filter.family));
  if (filter.index !== undefined) w.setU32(4, filter.index);
  return request(RTM_GETADDR, 0, w.finish(), () => 'dump addresses');
}

/** @throws DecodeError when it is cut short or of a family that is neither IPv4 nor IPv6. */
export function decodeAddress(payload: Uint8Array): Address {
  const cursor = new Cursor(payload, IFADDRMSG_BYTES, 'address');
  const family = fromAf(cursor.headerU8(0), 'address.family');
  let local: Uint8Array | undefined;
  let other: Uint8Array | undefined;
  const address: Omit<Mutable<Address>, 'address'> = {
    family,
    index: cursor.headerU32(4),
    bits: cursor.headerU8(1),
    scope: cursor.headerU8(3),
    flags: cursor.headerU8(2),
  };
  while (cursor.next()) {
    if (cursor.type === IFA_LOCAL) local = cursor.address('local', widthOf(family));
    else if (cursor.type === IFA_ADDRESS) other = cursor.address('address', widthOf(family));
    else if (cursor.type === IFA_LABEL) address.label = cursor.text('label');
    else if (cursor.type === IFA_FLAGS) address.flags = cursor.u32('flags');
  }
  const own = local ?? other;
  if (own === undefined) throw new DecodeError('address.address', payload.length, 'missing');
  return {...address, address: own};
}

function encode(address: Address): Uint8Array {
  const w = writer.start(IFADDRMSG_BYTES);
  w.setU8(0, toAf(address.family)).setU8(1, address.bits).setU8(3, address.scope);
  w.setU8(2, address.flags & 0xff);
  w.setU32(4, address.index);
  w.bytes(IFA_LOCAL, address.address).bytes(IFA_ADDRESS, address.address);
  if (address.label !== undefined) w.text(IFA_LABEL, address.label);
  if (address.flags > 0xff) w.u32(IFA_FLAGS, address.flags);
  return w.finish();
}

function format(address: Address): string {
  return `${formatIp(address.address)}/${address.bits} of #${address.index}`;
}
