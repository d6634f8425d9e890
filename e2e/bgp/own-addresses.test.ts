/*
 *   twill ── one link, a session over IPv4, both families ── BIRD
 *
 * Claim: what we announce ourselves as next hop for follows our own addresses while the session stands: IPv6
 * prefixes come when the link gets an IPv6 address, and go with it. Control: BIRD has none before. The link-local
 * address that every link has is no next hop by itself (RFC 2545 §3).
 */
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab} from './lab.js';
import {Bird} from './lab/bird.js';
import {programs} from './lab/pair.js';
import {established, learns, loses, type RouterConfig} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const [prefix, prefix6] = ['10.9.0.0/24', 'fd00:9::/64'];

labTest(
  'an IPv6 address that comes and goes under an IPv4 session',
  async t => {
    const lab = await createBgpLab(t);
    const [a, b] = [await lab.machine('twill'), await lab.machine('bird')];
    await lab.link(
      {machine: a, addresses: ['192.0.2.1/24']},
      {machine: b, addresses: ['192.0.2.2/24', '2001:db8::2/64']},
    );
    const config = (n: number): RouterConfig => ({
      ...{asn: 65000 + n, identifier: `192.0.2.${n}`},
      nextHops: {ipv4: `192.0.2.${n}`, ipv6: `2001:db8::${n}`},
      peers: [{address: `192.0.2.${3 - n}`, localAddress: `192.0.2.${n}`, asn: 65000 + 3 - n}],
    });
    const twill = new Speaker(a, {...config(1), announces: [prefix, prefix6]});
    const bird = new Bird(b, config(2));
    await Promise.all([twill.start(), bird.start()]);
    await established(twill, '192.0.2.2');
    await learns(bird, prefix);
    const hasLinkLocal = async () => {
      const shown = await a.ip('-6 address show dev to-bird scope link');
      return shown.includes('fe80:') && !shown.includes('tentative');
    };
    await eventually(hasLinkLocal, {withinMs: 10_000, everyMs: 20, what: 'a link-local address'});
    t.deepEqual((await twill.peer('192.0.2.2')).prefixes.advertised, {ipv4: 1, ipv6: 0});
    t.deepEqual(await bird.routes('ipv6'), []);

    await a.run(['ip', 'address', 'add', '2001:db8::1/64', 'dev', 'to-bird']);
    t.is((await learns(bird, prefix6)).nextHop, '2001:db8::1');
    await a.run(['ip', 'address', 'del', '2001:db8::1/64', 'dev', 'to-bird']);
    await loses(bird, prefix6);
    t.like(await twill.peer('192.0.2.2'), {
      established: 1,
      prefixes: {advertised: {ipv4: 1, ipv6: 0}},
    });
    await learns(bird, prefix);
  },
  {programs: programs.bird},
);
