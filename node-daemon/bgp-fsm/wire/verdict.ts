/**
 * What is to be done with an UPDATE (RFC 7606 §2), and why. Pure.
 *
 *   ok        use it
 *   discard   use it without the attributes that are named
 *   withdraw  take every prefix that it announces as withdrawn; what it withdraws stays withdrawn
 *   reset     send the NOTIFICATION and end the session
 *
 * Of several errors the strongest decides (RFC 7606 §3 h); all of them are listed for the log.
 */
import {UPDATE_ERROR} from './constants.js';
import type {Notification} from './notification.js';

export type FaultAction = 'discard' | 'withdraw' | 'reset';

export interface AttributeFault {
  readonly action: FaultAction;
  readonly type: number; // of the attribute; 0 for the list as a whole
  readonly subcode: number; // of UPDATE_ERROR
  readonly data: Uint8Array; // the attribute as received, or what §6.3 of RFC 4271 asks for
}

export type UpdateVerdict =
  | {readonly kind: 'ok'}
  | {readonly kind: 'discard'; readonly faults: readonly AttributeFault[]}
  | {readonly kind: 'withdraw'; readonly faults: readonly AttributeFault[]}
  | {
      readonly kind: 'reset';
      readonly faults: readonly AttributeFault[];
      readonly notification: Notification;
    };

export const OK: UpdateVerdict = {kind: 'ok'};
export const NO_FAULTS: readonly AttributeFault[] = [];

/** RFC 7606 §5.2: with nothing to withdraw, what is more than a discard is a reset. */
export function verdictOf(faults: readonly AttributeFault[], announces: boolean): UpdateVerdict {
  const worst = strongest(faults);
  if (worst === undefined) return OK;
  if (worst.action === 'discard') return {kind: 'discard', faults};
  if (worst.action === 'withdraw' && announces) return {kind: 'withdraw', faults};
  return {kind: 'reset', faults, notification: updateError(worst.subcode, worst.data)};
}

export function updateError(subcode: number, data: Uint8Array): Notification {
  return {code: UPDATE_ERROR, subcode, data};
}

/** The first of the strongest kind. */
function strongest(faults: readonly AttributeFault[]): AttributeFault | undefined {
  return (
    faults.find(fault => fault.action === 'reset') ??
    faults.find(fault => fault.action === 'withdraw') ??
    faults[0]
  );
}
