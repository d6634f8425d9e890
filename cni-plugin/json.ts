/**
 * JSON from outside into `unknown`. Pure. The binary has refused duplicate keys and broken text
 * already; here the bounds are checked again, because values are walked recursively later.
 */
import {CNI_CODE, CniError} from './error.js';

/** Deeper than any network configuration, far from any stack limit. */
const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', {fatal: true});

/** @throws CniError 6 when the octets are not UTF-8, not JSON, or nested beyond MAX_DEPTH. */
export function decodeJson(octets: Uint8Array, field: string): unknown {
  if (depthOf(octets) > MAX_DEPTH) {
    throw new CniError(CNI_CODE.undecodable, `${field} is nested deeper than ${MAX_DEPTH} levels`);
  }
  try {
    return JSON.parse(utf8.decode(octets));
  } catch (cause) {
    throw new CniError(CNI_CODE.undecodable, `${field} is not JSON`, {
      details: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

/** The deepest nesting of brackets outside strings; exact for valid JSON. */
function depthOf(octets: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at];
    if (inString) {
      if (octet === BACKSLASH) at++;
      else if (octet === QUOTE) inString = false;
    } else if (octet === QUOTE) {
      inString = true;
    } else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (octet === CLOSE_BRACE || octet === CLOSE_BRACKET) {
      depth--;
    }
  }
  return deepest;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
