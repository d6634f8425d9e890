/** BGP without I/O: octets, machines and routes. Imports nothing of ours. */
export * from './wire/address.js';
export * from './wire/as-path.js';
export * from './wire/attribute-encode.js';
export {decodeAttributes} from './wire/attributes.js';
export type {
  Aggregator,
  DecodedAttributes,
  PathAttributes,
  UnknownAttribute,
} from './wire/attributes.js';
export {Writer} from './wire/bytes.js';
export * from './wire/capabilities.js';
export * from './wire/communities.js';
export * from './wire/constants.js';
export * from './wire/family.js';
export {encodeKeepalive, nextMessage, type Frame} from './wire/header.js';
export * from './wire/mrt-updates.js';
export * from './wire/mrt.js';
export * from './wire/nlri.js';
export * from './wire/notification-words.js';
export * from './wire/notification.js';
export * from './wire/open.js';
export * from './wire/refresh.js';
export type {FamilySession, WireSession} from './wire/session.js';
export * from './wire/update-message.js';
export * from './wire/update-packer.js';
export * from './wire/update.js';
export * from './wire/verdict.js';

export * from './fsm/backoff.js';
export * from './fsm/collision.js';
export * from './fsm/event.js';
export * from './fsm/fsm.js';
export * from './fsm/graceful-helper.js';
export * from './fsm/graceful-notification.js';
export * from './fsm/graceful-restart.js';
export * from './fsm/negotiate.js';
export * from './fsm/types.js';

export * from './policy/as-path-pattern.js';
export * from './policy/as-path-text.js';
export * from './policy/community-text.js';
export * from './policy/compile-policy.js';
export * from './policy/generated-rules.js';
export * from './policy/prefix-set.js';
export type * from './policy/rule.js';
export type * from './policy/types.js';
export {Rib} from './rib/rib.js';
export {packSelected, unpackSelected} from './rib/selected.js';
export type * from './rib/types.js';
export type * from './speaker/config.js';
export {NaiveRib} from './speaker/naive-rib.js';
export type {BfdStatus} from './speaker/bfd-sessions.js';
export {nameOfId} from './speaker/neighbour-id.js';
export * from './speaker/ports.js';
export {isOneHop} from './speaker/session-config.js';
export {Speaker, type Leave, type SpeakerEvent, type SpeakerStart} from './speaker/speaker.js';
export type * from './speaker/status.js';
