/*
 *    machine twill                                     machine router
 *   +----------------------+                          +----------------------+
 *   | our speaker 65001    |--veth, no addresses but--| FRR 65002            |
 *   |                      |  link-local ones         |                      |
 *   +----------------------+                          +----------------------+
 *
 * Claim: neither knows the other's address; they find each other by Router Advertisements, and both
 * families go both ways behind link-local next hops (RFC 8950), also after FRR died and came back.
 */
import {labTest} from '../privileged.js';
import {createBgpLab} from './lab.js';
import {Frr} from './lab/frr.js';
import {learns, loses} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

labTest(
  'frr over a link without addresses, and again after it died',
  async t => {
    const lab = await createBgpLab(t);
    const [a, b] = await Promise.all([lab.machine('twill'), lab.machine('router')]);
    await lab.link({machine: a, addresses: []}, {machine: b, addresses: []});
    const common = {address: '', localAddress: '', extendedNextHop: true};
    const twill = new Speaker(a, {
      ...{asn: 65001, identifier: '192.0.2.1', nextHops: {ipv4: '', ipv6: ''}},
      announces: ['10.1.0.0/24', 'fd00:1::/64'],
      peers: [{...common, asn: 65002, interface: 'to-router'}],
    });
    const router = new Frr(b, {
      ...{asn: 65002, identifier: '192.0.2.2', nextHops: {ipv4: '', ipv6: ''}},
      announces: ['10.2.0.0/24', 'fd00:2::/64'],
      peers: [{...common, asn: 65001, interface: 'to-twill'}],
    });
    await Promise.all([twill.start(), router.start()]);
    const linkLocal = /^fe80::/;
    t.regex((await learns(twill, '10.2.0.0/24', 30_000)).nextHop, linkLocal);
    t.regex((await learns(twill, 'fd00:2::/64')).nextHop, linkLocal);
    t.true((await learns(router, '10.1.0.0/24')).isBest);
    t.true((await learns(router, 'fd00:1::/64')).isBest);

    await router.stop('SIGKILL');
    await loses(twill, '10.2.0.0/24', 15_000);
    await router.start();
    await learns(twill, '10.2.0.0/24', 30_000);
  },
  {programs: ['vtysh']},
);
