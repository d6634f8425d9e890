/**
 * The BFD control packet (RFC 5880 §4.1), both ways, without authentication. Pure.
 *
 *   0               1               2               3
 *   +-----+---------+---+-----------+---------------+---------------+
 *   | ver |  diag   |sta|P F C A D M| detect mult   | length        |
 *   +-----+---------+---+-----------+---------------+---------------+  4
 *   | my discriminator                                              |
 *   +---------------------------------------------------------------+  8
 *   | your discriminator                                            |
 *   +---------------------------------------------------------------+ 12
 *   | desired min TX interval             microseconds              |
 *   +---------------------------------------------------------------+ 16
 *   | required min RX interval            microseconds              |
 *   +---------------------------------------------------------------+ 20
 *   | required min echo RX interval       microseconds              |
 *   +---------------------------------------------------------------+ 24
 *
 * Decoding goes as far as RFC 5880 §6.8.6 goes without a session; which session a packet belongs to is
 * the caller's question, the rest is fsm.ts.
 */
import {u8, u32, Writer} from '../wire/bytes.js';

export type BfdState = 'AdminDown' | 'Down' | 'Init' | 'Up';

/** By number on the wire. */
export const BFD_STATES: readonly BfdState[] = ['AdminDown', 'Down', 'Init', 'Up'];

export const BFD_VERSION = 1;
export const BFD_PACKET_LENGTH = 24;

/** Diagnostics (RFC 5880 §4.1): why the session last left Up. */
export const NO_DIAGNOSTIC = 0;
export const DETECTION_TIME_EXPIRED = 1;
export const NEIGHBOR_SIGNALED_DOWN = 3;
export const PATH_DOWN = 5;
export const ADMINISTRATIVELY_DOWN = 7;

export interface BfdPacket {
  readonly diagnostic: number; // 0..31
  readonly state: BfdState;
  readonly poll: boolean; // P
  readonly final: boolean; // F
  readonly controlPlaneIndependent: boolean; // C
  readonly demand: boolean; // D
  readonly detectMult: number; // 1..255
  readonly myDiscriminator: number; // unsigned 32 bits, not 0
  readonly yourDiscriminator: number; // 0: not known yet
  readonly desiredMinTxUs: number;
  readonly requiredMinRxUs: number; // 0: send me nothing periodically
  readonly requiredMinEchoRxUs: number; // 0: no echo
}

export type BfdDecoded =
  | {readonly kind: 'packet'; readonly packet: BfdPacket}
  | {readonly kind: 'discard'; readonly reason: BfdDiscard};

export type BfdDiscard =
  | 'version'
  | 'length'
  | 'detect-mult'
  | 'multipoint'
  | 'my-discriminator'
  | 'your-discriminator'
  | 'authentication';

const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;
const AUTHENTICATED_LENGTH = 26;

/** `bytes` is the whole UDP payload; it may be longer than the packet says, never shorter. */
export function decodeBfd(bytes: Uint8Array): BfdDecoded {
  const reason = discardReason(bytes);
  if (reason !== undefined) return {kind: 'discard', reason};
  const flags = u8(bytes, 1);
  const packet: BfdPacket = {
    diagnostic: u8(bytes, 0) & 0x1f,
    state: stateOf(flags),
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMult: u8(bytes, 2),
    myDiscriminator: u32(bytes, 4),
    yourDiscriminator: u32(bytes, 8),
    desiredMinTxUs: u32(bytes, 12),
    requiredMinRxUs: u32(bytes, 16),
    requiredMinEchoRxUs: u32(bytes, 20),
  };
  return {kind: 'packet', packet};
}

/** The first steps of RFC 5880 §6.8.6, in its order. */
function discardReason(bytes: Uint8Array): BfdDiscard | undefined {
  const flags = u8(bytes, 1);
  const isAuthenticated = (flags & AUTHENTICATION) !== 0;
  const length = u8(bytes, 3);
  if (bytes.length < 4) return 'length'; // not even the fields that are judged
  if (u8(bytes, 0) >>> 5 !== BFD_VERSION) return 'version';
  if (length < (isAuthenticated ? AUTHENTICATED_LENGTH : BFD_PACKET_LENGTH)) return 'length';
  if (length > bytes.length) return 'length';
  if (u8(bytes, 2) === 0) return 'detect-mult';
  if ((flags & MULTIPOINT) !== 0) return 'multipoint';
  if (u32(bytes, 4) === 0) return 'my-discriminator';
  const state = stateOf(flags);
  const isBeginning = state === 'Down' || state === 'AdminDown';
  if (u32(bytes, 8) === 0 && !isBeginning) return 'your-discriminator';
  return isAuthenticated ? 'authentication' : undefined; // no session of ours uses it
}

function stateOf(flags: number): BfdState {
  return BFD_STATES[flags >>> 6] ?? 'Down';
}

/** Intervals beyond 32 bits are cut to the largest. */
export function encodeBfd(packet: BfdPacket): Uint8Array {
  const flags =
    (BFD_STATES.indexOf(packet.state) << 6) |
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.demand ? DEMAND : 0);
  const out = new Writer(BFD_PACKET_LENGTH);
  out.u8((BFD_VERSION << 5) | (packet.diagnostic & 0x1f));
  out.u8(flags).u8(packet.detectMult).u8(BFD_PACKET_LENGTH);
  out.u32(packet.myDiscriminator).u32(packet.yourDiscriminator);
  out.u32(microseconds(packet.desiredMinTxUs));
  out.u32(microseconds(packet.requiredMinRxUs));
  out.u32(microseconds(packet.requiredMinEchoRxUs));
  return out.take();
}

function microseconds(value: number): number {
  return Math.min(Math.max(Math.round(value), 0), 0xffff_ffff);
}
