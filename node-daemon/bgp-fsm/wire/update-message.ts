/**
 * A whole UPDATE as a value, for tests, traces and small tools. Pure. It allocates per prefix: the
 * speaker reads with UpdateReader instead.
 */
import {decodeAttributes, type PathAttributes} from './attributes.js';
import {copyOf} from './bytes.js';
import type {Family} from './family.js';
import {decodeNlri, type Nlri} from './nlri.js';
import type {WireSession} from './session.js';
import {judgeUpdate, UpdateReader, type NlriField} from './update.js';
import {NO_FAULTS, type UpdateVerdict} from './verdict.js';

export interface UpdateMessage {
  readonly verdict: UpdateVerdict;
  readonly attributes: PathAttributes;
  readonly withdrawn: readonly Nlri[];
  readonly announced: readonly Nlri[];
  readonly mpReach: MpRoutes | undefined; // undefined: absent, or of a family that is not agreed
  readonly mpUnreach: MpRoutes | undefined;
  readonly endOfRib: Family | undefined;
}

export interface MpRoutes {
  readonly family: Family;
  readonly nextHop: Uint8Array; // empty in MP_UNREACH
  readonly nlri: readonly Nlri[];
}

export function decodeUpdate(
  bytes: Uint8Array,
  at: number,
  length: number,
  session: WireSession,
): UpdateMessage {
  const reader = new UpdateReader(session);
  const notification = reader.read(bytes, at, length);
  if (notification !== undefined) {
    return {...NOTHING, verdict: {kind: 'reset', faults: NO_FAULTS, notification}};
  }
  const decoded = decodeAttributes(reader.block, reader.blockAt, reader.blockEnd, session);
  const {nextHopAt, nextHopLength} = reader.mpReach;
  const nextHop = copyOf(bytes, nextHopAt, nextHopAt + nextHopLength);
  return {
    verdict: judgeUpdate(reader, decoded),
    attributes: decoded.attributes,
    withdrawn: nlriOf(bytes, reader.withdrawn),
    announced: nlriOf(bytes, reader.announced),
    mpReach: routesOf(bytes, reader.mpReach, nextHop),
    mpUnreach: routesOf(bytes, reader.mpUnreach, new Uint8Array(0)),
    endOfRib: reader.endOfRib,
  };
}

const NOTHING = {
  attributes: {},
  withdrawn: [],
  announced: [],
  mpReach: undefined,
  mpUnreach: undefined,
  endOfRib: undefined,
};

function routesOf(bytes: Uint8Array, field: NlriField, nextHop: Uint8Array): MpRoutes | undefined {
  const {present, family} = field;
  return present && family !== undefined
    ? {family, nextHop, nlri: nlriOf(bytes, field)}
    : undefined;
}

function nlriOf(bytes: Uint8Array, {at, end, form}: NlriField): readonly Nlri[] {
  return decodeNlri(bytes, at, end, form) ?? [];
}
