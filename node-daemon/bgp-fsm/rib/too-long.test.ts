/** A route is sent when its UPDATE has as many octets as the peer takes, and not with one more (RFC 8654 §4). */
import test from 'ava';

import {nextMessage} from '../wire/header.js';
import {parseCidr} from '../wire/address.js';
import {octets, options, plain, sessionOf} from './paper-rib.js';
import {Rib} from './rib.js';
import type {RibSession} from './types.js';

const none = {send: false, receive: false};
const sends = {send: true, receive: false};
const HOP = '2001:db8::1';

/** Lengths of the UPDATEs that announce the prefixes, all with one attribute of `filler` octets. */
function announce(cidrs: readonly string[], filler: number, session: RibSession) {
  const rib = new Rib(options);
  const ix = rib.addPeer(octets('192.0.2.9'), plain);
  rib.sessionUp(ix, session);
  rib.setLocalRoutes(
    cidrs.map(cidr => ({
      ...parseCidr(cidr)!,
      family: cidr.includes(':') ? 'ipv6' : 'ipv4',
      attributes: {origin: 0, unknown: [{type: 200, value: new Uint8Array(filler)}]},
    })),
  );
  while (rib.work(100));
  const bytes = rib.takeUpdates(ix, 100_000) ?? new Uint8Array();
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const frame = nextMessage(bytes, at, bytes.length, true);
    if (frame.kind !== 'message') throw new Error(`${frame.kind} at ${at}`);
    lengths.push(frame.length);
    at += frame.length;
  }
  const isAnnouncement = (length: number) => length > 1000;
  return {lengths: lengths.filter(isAnnouncement), tooLong: rib.takeTooLong(), rib};
}

const shapes = [
  ['IPv4', '10.1.0.0/24', {}],
  ['IPv4, a longer prefix', '10.1.0.1/32', {}],
  ['IPv4, the shortest prefix', '0.0.0.0/0', {}],
  ['IPv4 with path ids', '10.1.0.0/24', {addPath: {ipv4: sends, ipv6: none}}],
  ['IPv4 behind an IPv6 next hop', '10.1.0.0/24', {extendedNextHop: ['ipv4']}],
  ['IPv6', '2001:db8:1::/48', {}],
  ['IPv6, the longest prefix', '2001:db8:1::1/128', {}],
  ['IPv6 with path ids', '2001:db8:1::/48', {addPath: {ipv4: none, ipv6: sends}}],
] as const;

for (const maxSendOctets of [4096, 65_535]) {
  for (const [what, cidr, change] of shapes) {
    test(`${what}: ${maxSendOctets} octets are sent, one more is not`, t => {
      const plainSession = sessionOf({
        asn: 65001,
        identifier: 9,
        change: {...change, maxSendOctets},
      });
      const isMapped = 'extendedNextHop' in change;
      const nextHops = {ipv4: isMapped ? undefined : octets('192.0.2.1'), ipv6: octets(HOP)};
      for (const linkLocal of [undefined, octets('fe80::1')]) {
        const session = {...plainSession, nextHops: {...nextHops, linkLocal}};
        const [shorter = 0] = announce([cidr], 2000, session).lengths;
        const filler = 2000 + maxSendOctets - shorter;
        t.like(announce([cidr], filler, session), {lengths: [maxSendOctets], tooLong: 0});
        t.like(announce([cidr], filler + 1, session), {lengths: [], tooLong: 1});
      }
    });
  }
}

test('of routes with the same attributes those that fit are sent, each by itself', t => {
  const session = sessionOf({asn: 65001, identifier: 9});
  const [shorter = 0] = announce(['10.0.0.0/8'], 2000, session).lengths;
  const filler = 2000 + 4095 - shorter;
  const cidrs = ['10.0.0.0/8', '10.1.0.0/16', '10.1.1.0/24', '10.1.1.1/32', '11.0.0.0/8'];
  const {lengths, tooLong, rib} = announce(cidrs, filler, session);
  t.deepEqual(lengths, [4095, 4096, 4095]);
  t.is(tooLong, 2);
  rib.setLocalRoutes([]);
  while (rib.work(100));
  rib.takeUpdates(1, 100_000);
  t.is(rib.sharedCount, 0, 'nothing is kept of what was not sent');
});
