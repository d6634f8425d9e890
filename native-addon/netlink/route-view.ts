/**
 * A route of a dump as it lies there: whose it is, its prefix and its nexthop object, without an object for
 * each of a million. Pure. All else that a route has is decodeRoute's (route.ts); the two agree (its test says so).
 */
import {RTA_DST, RTA_NH_ID, RTA_PRIORITY, RTA_TABLE} from './constants.js';
import {DecodeError} from './errors.js';
import {fromAf, widthOf, type Family} from './family.js';
import type {Frames} from './message.js';
import {HOST_IS_LITTLE} from './writer.js';

const RTMSG_BYTES = 12;
const TYPE_MASK = 0x3fff; // as cursor.ts
const NAMES: ReadonlyMap<number, string> = new Map([
  [RTA_DST, 'destination'],
  [RTA_PRIORITY, 'priority'],
  [RTA_TABLE, 'table'],
  [RTA_NH_ID, 'nexthopId'],
]);
const zeros = new Uint8Array(16);

export class RouteView {
  family: Family = 'ipv4';
  table = 0;
  protocol = 0;
  bits = 0;
  priority: number | undefined; // the metric
  nexthopId = 0; // 0: it names none
  /** The address is `octets` from `addressAt` on: a view of the dump, not a copy. */
  octets: Uint8Array = zeros;
  addressAt = 0;

  /** Moves to the route at `frames`. @throws DecodeError when it is cut short or of no family of ours. */
  read(frames: Frames): void {
    const {bytes, payloadAt, end} = frames;
    if (end - payloadAt < RTMSG_BYTES) {
      throw new DecodeError('route.header', end - payloadAt, `${RTMSG_BYTES} octets expected`);
    }
    this.family = fromAf(bytes[payloadAt] as number, 'route.family');
    this.bits = bytes[payloadAt + 1] as number;
    this.table = bytes[payloadAt + 4] as number;
    this.protocol = bytes[payloadAt + 5] as number;
    this.priority = undefined;
    this.nexthopId = 0;
    this.octets = zeros;
    this.addressAt = 0;
    this.#readAttributes(frames);
  }

  #readAttributes({bytes, view, payloadAt, end}: Frames): void {
    for (let at = payloadAt + RTMSG_BYTES; at < end;) {
      const left = end - at;
      const length = left < 4 ? 0 : view.getUint16(at, HOST_IS_LITTLE);
      const type = left < 4 ? 0 : view.getUint16(at + 2, HOST_IS_LITTLE) & TYPE_MASK;
      if (length < 4 || length > left || !this.#fits(type, length)) {
        const field = NAMES.get(type) ?? 'attribute';
        throw new DecodeError(
          `route.${field}`,
          at - payloadAt,
          `${length} octets, ${left} are left`,
        );
      }
      switch (type) {
        case RTA_DST:
          this.octets = bytes;
          this.addressAt = at + 4;
          break;
        case RTA_PRIORITY:
          this.priority = view.getUint32(at + 4, HOST_IS_LITTLE);
          break;
        case RTA_TABLE:
          this.table = view.getUint32(at + 4, HOST_IS_LITTLE);
          break;
        case RTA_NH_ID:
          this.nexthopId = view.getUint32(at + 4, HOST_IS_LITTLE);
          break;
      }
      at += (length + 3) & ~3;
    }
  }

  #fits(type: number, length: number): boolean {
    if (type === RTA_DST) return length === 4 + widthOf(this.family);
    const isWord = type === RTA_PRIORITY || type === RTA_TABLE || type === RTA_NH_ID;
    return !isWord || length >= 8;
  }
}
