import test from 'ava';
import {toOverlayMtu, toPodMtu} from './mtu.js';
import {formatMac, parseUnicastMac, toVtepMac} from './vtep-mac.js';

test('the VTEP MAC follows from the identity, is unicast and locally administered', t => {
  const mac = toVtepMac('7d8c7c1e-0000-4000-8000-000000000001');
  t.is(formatMac(mac), formatMac(toVtepMac('7d8c7c1e-0000-4000-8000-000000000001')));
  t.not(formatMac(mac), formatMac(toVtepMac('7d8c7c1e-0000-4000-8000-000000000002')));
  t.is(mac[0], 0x02);
  t.is(formatMac(toVtepMac('abc')), '02:ba:78:16:bf:8f', "sha256('abc') begins with ba7816bf8f");
});

test('MACs that no host can have are none', t => {
  t.deepEqual([...(parseUnicastMac('02:00:5E:00:00:ff') ?? [])], [2, 0, 0x5e, 0, 0, 0xff]);
  const bad = ['', '02:00:00:00:00', '02-00-00-00-00-01', '0g:00:00:00:00:01', '01:00:5e:00:00:01'];
  for (const text of [...bad, 'ff:ff:ff:ff:ff:ff', '00:00:00:00:00:00']) {
    t.is(parseUnicastMac(text), undefined, text);
  }
});

test('the overlay leaves room for its headers, whatever was wished for', t => {
  t.is(toOverlayMtu('auto', 1500, 'ipv4'), 1450);
  t.is(toOverlayMtu('auto', 1500, 'ipv6'), 1430);
  t.is(toOverlayMtu(1400, 1500, 'ipv4'), 1400);
  t.is(toOverlayMtu(9000, 1500, 'ipv4'), 1450);
  t.is(toPodMtu({backend: 'vxlan', mtu: 'auto'}, 9000, 'ipv4'), 8950);
  t.is(toPodMtu({backend: 'direct', mtu: 'auto'}, 9000, 'ipv4'), 9000);
  t.is(toPodMtu({backend: 'bgp', mtu: 1200}, 9000, 'ipv4'), 1200);
});
