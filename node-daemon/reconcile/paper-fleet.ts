/**
 * For tests: hosts that exist as records only. Host n has the underlay addresses 192.0.2.(n+1) and
 * 2001:db8::(n+1) in hexadecimal, the n-th /26 of 10.244.0.0 and the n-th /122 of fd00:244::. Pure.
 */
import {formatAddress, formatPrefix, parsePrefix, type Prefix} from '#ipam';
import type {Network} from '../datastore/records/network.js';
import {parseNode} from '../datastore/records/node.js';
import type {StoreEvent} from '../datastore/store-event.js';
import {formatMac, toVtepMac} from '../overlay/vtep-mac.js';

export function fleet(count: number): StoreEvent[] {
  return Array.from({length: count}, (_, index) => nodeEvent(index + 1));
}

export function nodeKey(n: number): string {
  return `/twill/v1/nodes/n${n}`;
}

export function nodeEvent(n: number): StoreEvent {
  const [v4, v6] = rangesOf(n);
  const number = n + 1;
  const parsed = parseNode({
    apiVersion: 'twill.io/v1',
    kind: 'Node',
    metadata: {name: `n${n}`, uid: `uid-${n}`},
    spec: {
      address: `192.0.${2 + (number >> 8)}.${number & 255}`,
      address6: `2001:db8::${number.toString(16)}`,
      ranges: rangesOf(n).map(formatPrefix),
      vxlan: {
        mac: vtepMac(n),
        address: formatAddress(v4!.address),
        address6: formatAddress(v6!.address),
      },
    },
  });
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.problems));
  return {kind: 'put', key: nodeKey(n), record: parsed.value, createRevision: 100 + n};
}

export function networkEvent(spec: Network['spec']): StoreEvent {
  const record: Network = {
    apiVersion: 'twill.io/v1',
    kind: 'Network',
    metadata: {name: 'default'},
    spec,
  };
  return {kind: 'put', key: '/twill/v1/resources/network/default', record, createRevision: 1};
}

export function vtepMac(n: number): string {
  return formatMac(toVtepMac(`uid-${n}`));
}

export function rangesOf(n: number): readonly Prefix[] {
  const offset = n * 64;
  return [
    parse(`10.${244 + (offset >> 16)}.${(offset >> 8) & 255}.${offset & 255}/26`),
    parse(`fd00:244::${(offset >> 16).toString(16)}:${(offset & 0xffff).toString(16)}/122`),
  ];
}

function parse(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return prefix;
}
