/**
 * UPDATE (RFC 4271 §4.3) with MP_REACH and MP_UNREACH (RFC 4760), as offsets. Pure.
 *
 *   19               21            +n                 +2            +m
 *   +----------------+-------------+------------------+-------------+--------+
 *   | withdrawn len. | withdrawn … | attributes len.  | attributes… | NLRI … |
 *   +----------------+-------------+------------------+-------------+--------+
 *
 *   MP_REACH    AFI 2, SAFI 1, next hop length 1, next hop …, reserved 1, NLRI …
 *   MP_UNREACH  AFI 2, SAFI 1, withdrawn …
 *
 * One reader serves a session. `read` finds the fields, checks that every prefix can be walked, and
 * cuts out the attribute block without the MP attributes: the octets that the RIB interns, so that
 * each distinct block is decoded once. Everything points into the receive buffer and is valid until
 * the next `read` or until the buffer moves.
 */
import {flagsConflict, valueLength, valueOffset, type DecodedAttributes} from './attributes.js';
import {isMartianNextHop} from './attribute-table.js';
import {copyOf, EMPTY, u16, u8, Writer} from './bytes.js';
import * as c from './constants.js';
import {familyOf, widthOf, type Family} from './family.js';
import {checkNlri, NlriCursor, type NlriForm} from './nlri.js';
import type {Notification} from './notification.js';
import type {WireSession} from './session.js';
import {
  NO_FAULTS,
  OK,
  updateError,
  verdictOf,
  type AttributeFault,
  type UpdateVerdict,
} from './verdict.js';

/** A run of prefixes of one family. `at === end`: none. */
export interface NlriField {
  readonly present: boolean; // whether the message has this field at all
  readonly family: Family | undefined; // undefined: not agreed in this session; ignore the field
  readonly afi: number;
  readonly safi: number;
  readonly at: number;
  readonly end: number;
  readonly count: number; // of prefixes
  readonly form: NlriForm;
}

export interface MpReach extends NlriField {
  readonly nextHopAt: number;
  readonly nextHopLength: number; // 4, 16 or 32 (global, then link-local; RFC 2545 §3)
}

/** One attribute: its header, its value, and where the next one begins. */
interface Extent {
  readonly at: number;
  readonly value: number;
  readonly end: number;
}

type Mutable<T> = {-readonly [K in keyof T]: T[K]};

export class UpdateReader {
  readonly session: WireSession;
  bytes: Uint8Array = EMPTY; // that the offsets of the four fields mean
  readonly withdrawn: NlriField; // IPv4 unicast
  readonly announced: NlriField; // IPv4 unicast, next hop in NEXT_HOP
  readonly mpReach: MpReach;
  readonly mpUnreach: NlriField;
  /** Attributes without MP_*. Mostly the receive buffer; a copy when MP_* stands in the middle. */
  block: Uint8Array = EMPTY;
  blockAt = 0;
  blockEnd = 0;
  /** Of MP_REACH and MP_UNREACH; judgeUpdate adds those of the block. */
  faults: readonly AttributeFault[] = NO_FAULTS;

  readonly #withdrawn: Mutable<NlriField>;
  readonly #announced: Mutable<NlriField>;
  readonly #mpReach: Mutable<MpReach>;
  readonly #mpUnreach: Mutable<NlriField>;
  readonly #forms: Readonly<Record<Family, NlriForm>>;
  #hasAttributes = false;

  constructor(session: WireSession) {
    this.session = session;
    this.#forms = {ipv4: formOf(session, 'ipv4'), ipv6: formOf(session, 'ipv6')};
    this.withdrawn = this.#withdrawn = newField();
    this.announced = this.#announced = newField();
    this.mpReach = this.#mpReach = {...newField(), nextHopAt: 0, nextHopLength: 0};
    this.mpUnreach = this.#mpUnreach = newField();
  }

  /** Undefined, or why the session must end. The framer has seen to `length` being 23 or more. */
  read(bytes: Uint8Array, at: number, length: number): Notification | undefined {
    const end = at + length;
    const withdrawnAt = at + c.HEADER_LENGTH + 2;
    const withdrawnEnd = withdrawnAt + u16(bytes, withdrawnAt - 2);
    const attributesAt = withdrawnEnd + 2;
    if (attributesAt > end) return updateError(c.MALFORMED_ATTRIBUTES, EMPTY);
    const attributesEnd = attributesAt + u16(bytes, withdrawnEnd);
    if (attributesEnd > end) return updateError(c.MALFORMED_ATTRIBUTES, EMPTY);

    this.bytes = bytes;
    this.#forgetMp();
    this.#hasAttributes = attributesEnd > attributesAt;
    return (
      this.#readClassic(this.#withdrawn, withdrawnAt, withdrawnEnd) ??
      this.#readClassic(this.#announced, attributesEnd, end) ??
      this.#readBlock(attributesAt, attributesEnd)
    );
  }

  /** RFC 4724 §2: nothing at all for IPv4, MP_UNREACH alone and empty for the others. */
  get endOfRib(): Family | undefined {
    if (this.withdrawn.present || this.announced.present || this.mpReach.present) return undefined;
    if (!this.#hasAttributes) return this.withdrawn.family;
    const {present, count, family} = this.mpUnreach;
    return present && count === 0 && this.blockAt === this.blockEnd ? family : undefined;
  }

  /** Whether there is something that treat-as-withdraw could withdraw (RFC 7606 §5.2). */
  get announces(): boolean {
    return this.announced.present || this.mpReach.present;
  }

  /** RFC 4760 §3: NEXT_HOP does not count where MP_REACH is all that is announced. */
  get ignoresNextHop(): boolean {
    return this.mpReach.present && !this.announced.present;
  }

  open(cursor: NlriCursor, {at, end, form}: NlriField): NlriCursor {
    return cursor.open(this.bytes, at, end, form);
  }

  #forgetMp(): void {
    this.#mpReach.present = this.#mpUnreach.present = false;
    this.#mpReach.family = this.#mpUnreach.family = undefined;
    this.#mpReach.count = this.#mpUnreach.count = 0;
    this.#mpReach.at = this.#mpReach.end = this.#mpUnreach.at = this.#mpUnreach.end = 0;
    this.#mpReach.nextHopAt = this.#mpReach.nextHopLength = 0;
    this.faults = NO_FAULTS;
  }

  #readClassic(field: Mutable<NlriField>, at: number, end: number): Notification | undefined {
    field.present = end > at;
    field.family = this.session.families.ipv4 === undefined ? undefined : 'ipv4';
    field.afi = c.AFI_IPV4;
    field.safi = c.SAFI_UNICAST;
    field.form = this.#forms.ipv4;
    field.at = at;
    field.end = end;
    field.count = checkNlri(this.bytes, at, end, field.form);
    return field.count < 0 ? updateError(c.BAD_NLRI, EMPTY) : undefined;
  }

  /** Walks the headers only. An attribute that overruns is left to decodeAttributes. */
  #readBlock(at: number, end: number): Notification | undefined {
    const {bytes} = this;
    let keptFrom = end;
    let keptTo = end;
    let isSplit = false; // MP_* stands between attributes that are kept
    for (let next = at; next < end;) {
      const value = valueOffset(bytes, next, end);
      const following = value < 0 ? end + 1 : value + valueLength(bytes, next);
      const type = mpTypeAt(bytes, next, end);
      if (type !== 0) {
        const refusal = this.#readMp(type, {at: next, value, end: following}, end);
        if (refusal !== undefined) return refusal;
      } else {
        if (keptFrom === end) keptFrom = next;
        else if (keptTo !== next) isSplit = true;
        keptTo = Math.min(following, end);
      }
      next = following;
    }
    this.block = isSplit ? withoutMp(bytes, keptFrom, end) : bytes;
    this.blockAt = isSplit ? 0 : keptFrom;
    this.blockEnd = isSplit ? this.block.length : keptTo;
    return undefined;
  }

  #readMp(type: number, attribute: Extent, blockEnd: number): Notification | undefined {
    const {at, value, end} = attribute;
    const isReach = type === c.ATTR_MP_REACH;
    const subcode = isReach ? c.MALFORMED_ATTRIBUTES : c.BAD_OPTIONAL;
    const field = isReach ? this.#mpReach : this.#mpUnreach;
    if (end > blockEnd) return updateError(subcode, copyOf(this.bytes, at, blockEnd));
    if (field.present) return updateError(c.MALFORMED_ATTRIBUTES, EMPTY); // RFC 7606 §3 g
    const isRead = isReach
      ? this.#readReach(value, end)
      : this.#readField(this.#mpUnreach, value, value + 3, end);
    if (!isRead) return updateError(subcode, copyOf(this.bytes, at, end));

    if (flagsConflict(u8(this.bytes, at), c.FLAG_OPTIONAL)) {
      this.#complain(type, c.BAD_FLAGS, at, end);
    } else if (isReach && this.#hasMartianNextHop()) {
      this.#complain(type, c.BAD_NEXT_HOP, at, end);
    }
    return undefined;
  }

  #complain(type: number, subcode: number, at: number, end: number): void {
    const data = copyOf(this.bytes, at, end);
    this.faults = [...this.faults, {action: 'withdraw', type, subcode, data}];
  }

  #readReach(at: number, end: number): boolean {
    if (end - at < 5) return false;
    const nextHopLength = u8(this.bytes, at + 3);
    const nlriAt = at + 5 + nextHopLength; // the reserved octet is ignored (RFC 4760 §3)
    this.#mpReach.nextHopAt = at + 4;
    this.#mpReach.nextHopLength = nextHopLength;
    if (nlriAt > end || !this.#readField(this.#mpReach, at, nlriAt, end)) return false;
    const {family} = this.#mpReach;
    return family === undefined || this.#expectsNextHop(family, nextHopLength);
  }

  /** What we did not agree on is not walked: its prefixes may be of any shape. */
  #readField(field: Mutable<NlriField>, at: number, nlriAt: number, end: number): boolean {
    if (end - at < 3) return false;
    field.present = true;
    field.afi = u16(this.bytes, at);
    field.safi = u8(this.bytes, at + 2);
    field.at = nlriAt;
    field.end = end;
    const family = familyOf(field.afi, field.safi);
    if (family === undefined || this.session.families[family] === undefined) {
      field.family = undefined;
      field.count = 0;
      return true;
    }
    field.family = family;
    field.form = this.#forms[family];
    field.count = checkNlri(this.bytes, nlriAt, end, field.form);
    return field.count >= 0;
  }

  /** RFC 2545 §3 for IPv6, RFC 8950 §3 for IPv4 where agreed. */
  #expectsNextHop(family: Family, length: number): boolean {
    if (length === 4) return family === 'ipv4';
    if (length !== 16 && length !== 32) return false;
    return family === 'ipv6' || this.session.families.ipv4?.extendedNextHop === true;
  }

  #hasMartianNextHop(): boolean {
    const {family, nextHopAt, nextHopLength} = this.mpReach;
    if (family === undefined) return false;
    const width = nextHopLength === 4 ? 4 : 16;
    // On a link without global addresses BIRD says :: and the link-local one, which then counts.
    const isLinkOnly = nextHopLength === 32 && isUnspecified(this.bytes, nextHopAt);
    const at = isLinkOnly ? nextHopAt + 16 : nextHopAt;
    return isMartianNextHop(this.bytes, at, width, this.session);
  }
}

/**
 * What to do with the message that `update` read, whose block decoded to `decoded`: the missing
 * attributes are found here, since they depend on what is announced (RFC 7606 §3 d).
 */
export function judgeUpdate(update: UpdateReader, decoded: DecodedAttributes): UpdateVerdict {
  const {origin, asPath, nextHop} = decoded.attributes;
  const {announces} = update;
  const isComplete =
    !announces ||
    (origin !== undefined &&
      asPath !== undefined &&
      (nextHop !== undefined || !update.announced.present));
  if (isComplete && decoded.faults.length === 0 && update.faults.length === 0) return OK;

  const faults = [...update.faults, ...decoded.faults].filter(
    fault => fault.type !== c.ATTR_NEXT_HOP || !update.ignoresNextHop,
  );
  if (announces) {
    const missing = (type: number) => {
      if (faults.some(fault => fault.type === type && fault.action !== 'discard')) return;
      const data = Uint8Array.of(type);
      faults.push({action: 'withdraw', type, subcode: c.MISSING_WELL_KNOWN, data});
    };
    if (origin === undefined) missing(c.ATTR_ORIGIN);
    if (asPath === undefined) missing(c.ATTR_AS_PATH);
    if (nextHop === undefined && update.announced.present) missing(c.ATTR_NEXT_HOP);
  }
  return verdictOf(faults, announces);
}

function formOf({families}: WireSession, family: Family): NlriForm {
  return {width: widthOf(family), hasPathId: families[family]?.receivesPathIds === true};
}

function isUnspecified(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (u8(bytes, i) !== 0) return false;
  return true;
}

function newField(): Mutable<NlriField> {
  const form: NlriForm = {width: 4, hasPathId: false};
  return {present: false, family: undefined, afi: 0, safi: 0, at: 0, end: 0, count: 0, form};
}

/** MP_REACH or MP_UNREACH, or 0. */
function mpTypeAt(bytes: Uint8Array, at: number, end: number): number {
  const type = end - at < 2 ? 0 : u8(bytes, at + 1);
  return type === c.ATTR_MP_REACH || type === c.ATTR_MP_UNREACH ? type : 0;
}

function withoutMp(bytes: Uint8Array, at: number, end: number): Uint8Array {
  const kept = new Writer(end - at);
  for (let next = at; next < end;) {
    const value = valueOffset(bytes, next, end);
    const following = value < 0 ? end : Math.min(end, value + valueLength(bytes, next));
    if (mpTypeAt(bytes, next, end) === 0) kept.bytes(bytes.subarray(next, following));
    next = following;
  }
  return kept.take();
}
