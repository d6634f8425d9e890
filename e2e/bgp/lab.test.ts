/*
 *    machine left                  machine right
 *   +--------------------+        +--------------------+
 *   | one router         |--veth--| another router     |
 *   | 192.0.2.1 db8::1   |        | 192.0.2.2 db8::2   |
 *   +--------------------+        +--------------------+
 *
 * Claim: the lab shows what routers do, without any of ours among them: sessions come up, routes of both
 * families arrive, go when they are withdrawn, and go when the other router dies.
 */
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {Bird} from './lab/bird.js';
import {Exabgp} from './lab/exabgp.js';
import {Frr} from './lab/frr.js';
import {Gobgp} from './lab/gobgp.js';
import {Openbgpd} from './lab/openbgpd.js';
import {established, learns, loses, type Router, type RouterConfig} from './lab/router.js';

type Make = (machine: Machine, config: RouterConfig) => Router;
const makers: Readonly<Record<string, Make>> = {
  bird: (machine, config) => new Bird(machine, config),
  frr: (machine, config) => new Frr(machine, config),
  gobgp: (machine, config) => new Gobgp(machine, config),
  openbgpd: (machine, config) => new Openbgpd(machine, config),
  exabgp: (machine, config) => new Exabgp(machine, config),
};

const pairs = [
  ['bird', 'frr'],
  ['gobgp', 'openbgpd'],
  ['exabgp', 'bird'],
] as const;
const programs = ['bird', 'vtysh', 'gobgpd', 'exabgp', 'bgpctl'];

for (const [left, right] of pairs) {
  labTest(
    `${left} and ${right} exchange routes, and lose them`,
    async t => {
      const lab = await createBgpLab(t);
      const [a, b] = await Promise.all([lab.machine('left'), lab.machine('right')]);
      await lab.link(
        {machine: a, addresses: ['192.0.2.1/24', '2001:db8::1/64']},
        {machine: b, addresses: ['192.0.2.2/24', '2001:db8::2/64']},
      );
      const one = makers[left]!(a, {
        asn: 65001,
        identifier: '192.0.2.1',
        nextHops: {ipv4: '192.0.2.1', ipv6: '2001:db8::1'},
        announces: ['10.1.0.0/24', 'fd00:1::/64'],
        peers: [{address: '192.0.2.2', localAddress: '192.0.2.1', asn: 65002, passive: true}],
      });
      const two = makers[right]!(b, {
        asn: 65002,
        identifier: '192.0.2.2',
        nextHops: {ipv4: '192.0.2.2', ipv6: '2001:db8::2'},
        announces: ['10.2.0.0/24', 'fd00:2::/64'],
        peers: [{address: '192.0.2.1', localAddress: '192.0.2.2', asn: 65001}],
      });
      await Promise.all([one.start(), two.start()]);
      await Promise.all([established(one, '192.0.2.2'), established(two, '192.0.2.1')]);

      const v4 = await learns(one, '10.2.0.0/24');
      t.like(v4, {nextHop: '192.0.2.2', asPath: [65002], isBest: true});
      const v6 = await learns(two, 'fd00:1::/64');
      t.like(v6, {asPath: [65001], isBest: true});
      await two.announce('10.2.1.0/24');
      await learns(one, '10.2.1.0/24');
      await two.withdraw('10.2.1.0/24');
      await loses(one, '10.2.1.0/24');
      t.true(
        (await one.routes('ipv4')).some(({prefix}) => prefix === '10.2.0.0/24'),
        'the other',
      );

      await two.stop('SIGKILL');
      await loses(one, '10.2.0.0/24');
      await loses(one, 'fd00:2::/64');
    },
    {programs},
  );
}
