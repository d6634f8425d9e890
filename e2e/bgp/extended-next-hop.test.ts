/*
 *    machine twill                                       machine router
 *   +---------------------------+   veth, IPv6 only     +---------------------------+
 *   | our speaker 65001, kernel |=======================| BIRD or FRR 65002, kernel |
 *   | lo 10.1.0.1               |                       | lo 10.2.0.1               |
 *   +---------------------------+                       +---------------------------+
 *
 * Claim (RFC 8950): IPv4 prefixes behind IPv6 next hops go both ways, into both kernels, and packets flow.
 * Control: where we do not offer it, IPv4 prefixes do not come.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {Stream} from '../lab/traffic.js';
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {programs, routers} from './lab/pair.js';
import {established, learns, type Router, type RouterConfig} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const kinds = ['bird', 'frr'] as const;

for (const kind of kinds) {
  labTest(
    `${kind}: IPv4 over IPv6, into both kernels, with traffic`,
    async t => {
      const {a, b, twill, router} = await fabric(t, kind, true);
      t.regex((await learns(twill, '10.2.0.0/24')).nextHop, /^(2001:db8::2|fe80:)/);
      await learns(router, '10.1.0.0/24');
      await inKernel(a, '10.2.0.0/24');
      await inKernel(b, '10.1.0.0/24');
      const stream = await Stream.open(a, b, '10.2.0.1');
      await stream.flows(100);
      t.is((await stream.close()).lost, 0);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'control: bird does not send IPv4 to who did not offer it',
  async t => {
    const {twill} = await fabric(t, 'bird', false);
    await established(twill, '2001:db8::2');
    await learns(twill, 'fd00:2::/64');
    await t.throwsAsync(learns(twill, '10.2.0.0/24', 1000));
  },
  {programs: programs.bird},
);

async function fabric(t: ExecutionContext, kind: (typeof kinds)[number], isOurs: boolean) {
  const lab = await createBgpLab(t);
  const [a, b] = await Promise.all([lab.machine('twill'), lab.machine('router')]);
  await lab.link(
    {machine: a, addresses: ['2001:db8::1/64']},
    {machine: b, addresses: ['2001:db8::2/64']},
  );
  // the only IPv4 address; answers to what the other sends come from it
  await a.ip('address add 10.1.0.1/32 dev lo');
  await b.ip('address add 10.2.0.1/32 dev lo');
  const config = (side: 1 | 2, extendedNextHop: boolean): RouterConfig => ({
    asn: 65000 + side,
    identifier: `192.0.2.${side}`,
    nextHops: {ipv4: '', ipv6: `2001:db8::${side}`},
    announces: [`10.${side}.0.0/24`, `fd00:${side}::/64`],
    kernel: true,
    peers: [
      {
        address: `2001:db8::${3 - side}`,
        localAddress: `2001:db8::${side}`,
        asn: 65003 - side,
        extendedNextHop,
      },
    ],
  });
  const twill = new Speaker(a, config(1, isOurs));
  const make = routers[kind] as (machine: Machine, config: RouterConfig) => Router;
  const router = make(b, config(2, true));
  await Promise.all([twill.start(), router.start()]);
  return {a, b, twill, router};
}

async function inKernel(machine: Machine, prefix: string): Promise<void> {
  const isThere = async () => /via inet6/.test(await machine.ip(`route show ${prefix}`));
  await eventually(isThere, {withinMs: 10_000, everyMs: 50, what: `${prefix} on ${machine.name}`});
}
