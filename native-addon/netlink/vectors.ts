/** How a vector of testdata/ reads: used by its tests and by testdata/capture.mjs. Pure. */
import {decodeAddress} from './address.js';
import * as constants from './constants.js';
import {decodeLink} from './link.js';
import {decodeNeighbour} from './neighbour.js';
import {decodeNexthop} from './nexthop.js';
import {decodeRoute} from './route.js';
import {decodeRule} from './rule.js';
import {decodeVethPeer} from './veth.js';

const DECODERS = {
  LINK: (payload: Uint8Array) => {
    const peer = decodeVethPeer(payload);
    return {...decodeLink(payload), ...(peer === undefined ? {} : {peer})};
  },
  ADDR: decodeAddress,
  ROUTE: decodeRoute,
  NEXTHOP: decodeNexthop,
  NEIGH: decodeNeighbour,
  RULE: decodeRule,
} as const;

type Subject = keyof typeof DECODERS;

/** RTM_… by number, for the objects above. */
export const TYPES: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(constants)
    .filter(([name]) => /^RTM_(NEW|DEL|SET)/.test(name))
    .map(([name, number]) => [number, name]),
);

export function decodeAny(type: number, payload: Uint8Array): object {
  const subject = TYPES[type]?.replace(/^RTM_(NEW|DEL|SET)/, '') as Subject | undefined;
  if (subject === undefined) throw new TypeError(`no codec for message ${type}`);
  return DECODERS[subject](payload);
}

/** One line of JSON, octets as hex. */
export function meaning(type: number, payload: Uint8Array): string {
  return JSON.stringify(decodeAny(type, payload), (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}
