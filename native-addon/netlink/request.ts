/** How builders make requests, and how addresses read in their names. Pure. */
import type {Request} from './message.js';

export function request(
  type: number,
  flags: number,
  payload: Uint8Array,
  describe: () => string,
): Request {
  return new BuiltRequest(type, flags, payload, describe);
}

/** The name is made only when asked for: most requests of a batch of thousands never fail. */
class BuiltRequest implements Request {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly #describe: () => string;

  constructor(type: number, flags: number, payload: Uint8Array, describe: () => string) {
    this.type = type;
    this.flags = flags;
    this.payload = payload;
    this.#describe = describe;
  }

  get op(): string {
    return this.#describe();
  }
}

/** '10.0.0.1', 'fd00::1' (RFC 5952 §4), for names of operations and prints; not for records. */
export function formatIp(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const words: number[] = [];
  for (let i = 0; i + 1 < address.length; i += 2) {
    words.push(((address[i] ?? 0) << 8) | (address[i + 1] ?? 0));
  }
  const gap = longestZeroRun(words);
  const hex = (part: readonly number[]) => part.map(word => word.toString(16)).join(':');
  if (gap.length < 2) return hex(words);
  return `${hex(words.slice(0, gap.start))}::${hex(words.slice(gap.start + gap.length))}`;
}

export function formatMac(mac: Uint8Array): string {
  return Array.from(mac, octet => octet.toString(16).padStart(2, '0')).join(':');
}

/** How a link reads in the name of an operation. */
export function formatLink(link: {readonly name?: string; readonly index?: number}): string {
  return link.name ?? `#${link.index}`;
}

function longestZeroRun(words: readonly number[]): {start: number; length: number} {
  let best = {start: 0, length: 0};
  let start = 0;
  for (let i = 0; i <= words.length; i++) {
    if (i < words.length && words[i] === 0) continue;
    if (i - start > best.length) best = {start, length: i - start};
    start = i + 1;
  }
  return best;
}
