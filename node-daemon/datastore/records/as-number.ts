/**
 * AS numbers. Pure. What a speaker is configured with must be somebody's; a path may name any, so rules that
 * look at paths may too.
 */
import * as v from 'valibot';
import {integer} from './fields.js';

/** AS_TRANS stands for numbers that do not fit in two octets (RFC 6793 §9); nobody has the last ones (RFC 7300). */
const reserved: readonly number[] = [23_456, 65_535, 4_294_967_295];

export const asnPhrase = 'an AS number from 1 to 4294967294, not 23456 or 65535';

/** Whether a speaker may have it. 0 is nobody (RFC 7607). */
export function isAsn(value: number): boolean {
  return (
    Number.isInteger(value) && value >= 1 && value <= 4_294_967_295 && !reserved.includes(value)
  );
}

export const asn = v.pipe(v.number(asnPhrase), v.check(isAsn, asnPhrase));

/** In an AS path. */
export const pathAsn = integer(1, 4_294_967_295, 'an AS number');
