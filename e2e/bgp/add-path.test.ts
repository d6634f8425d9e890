/*
 *   source 1 (twill, 65011) ──┐                        ┌── BIRD, FRR, GoBGP or OpenBGPD
 *                             ├── twill 65001 ── iBGP ─┤
 *   source 2 (twill, 65012) ──┘    ADD-PATH            └── control: the same without
 *
 * Claim (RFC 7911): with several paths on, the router learns both ways to a prefix that we know, and we
 * both that it knows; one that goes is withdrawn alone. Control: without, it is told the best one only.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {createBgpLab, type Machine} from './lab.js';
import {programs, routers, type RouterKind} from './lab/pair.js';
import type {Router, RouterConfig, RouterPeer} from './lab/router.js';
import {Speaker} from './lab/speaker.js';

const prefixes = ['10.9.0.0/24', 'fd00:9::/64'] as const;

for (const kind of ['bird', 'frr', 'gobgp', 'openbgpd'] as const) {
  labTest(
    `${kind}: both paths there, and one withdrawn alone`,
    async t => {
      const {sources, router} = await fabric(t, kind, 'both');
      for (const prefix of prefixes) await paths(router, prefix, 2);
      for (const prefix of prefixes) await sources[1]?.withdraw(prefix);
      for (const prefix of prefixes) t.deepEqual(await paths(router, prefix, 1), [[65011]]);
    },
    {programs: programs[kind]},
  );
}

labTest(
  'control: without it the router is told the best path only',
  async t => {
    const {router} = await fabric(t, 'bird', undefined);
    for (const prefix of prefixes) await paths(router, prefix, 1);
    await t.throwsAsync(paths(router, prefixes[0], 2, 1000));
  },
  {programs: programs.bird},
);

for (const kind of ['bird', 'frr', 'gobgp', 'openbgpd'] as const) {
  labTest(
    `${kind} sends both paths, and we have both`,
    async t => {
      const {sources, router, twill} = await fabric(t, kind, 'both', 'router');
      for (const prefix of prefixes) await paths(router, prefix, 2);
      const [address = ''] = ['192.0.2.2'];
      await has(twill, address, 2);
      await sources[1]?.stop('SIGKILL');
      await has(twill, address, 1);
      t.true((await twill.peers()).every(({isEstablished}) => isEstablished));
    },
    {programs: programs[kind]},
  );
}

/**
 * `behind`: to whom the sources speak. Paths of a prefix come in both families over IPv4 sessions.
 */
async function fabric(
  t: ExecutionContext,
  kind: Exclude<RouterKind, 'exabgp'>,
  addPath: RouterPeer['addPath'],
  behind: 'twill' | 'router' = 'twill',
) {
  const lab = await createBgpLab(t);
  const [one, two, a, b] = await Promise.all(['one', 'two', 'twill', 'router'].map(lab.machine));
  if (!one || !two || !a || !b) throw new Error('just made');
  const near = behind === 'twill' ? a : b;
  const link = (left: Machine, right: Machine, n: number) =>
    lab.link(
      {machine: left, addresses: [`192.0.${n}.1/24`, `2001:db8:${n}::1/64`]},
      {machine: right, addresses: [`192.0.${n}.2/24`, `2001:db8:${n}::2/64`]},
    );
  await link(a, b, 2);
  await link(one, near, 3);
  await link(two, near, 4);
  const common = (n: number, side: 1 | 2, asn: number): RouterConfig => ({
    asn,
    identifier: `192.0.${n}.${side}`,
    nextHops: {ipv4: `192.0.${n}.${side}`, ipv6: `2001:db8:${n}::${side}`},
    peers: [],
  });
  const peer = (n: number, side: 1 | 2, asn: number): RouterPeer => ({
    address: `192.0.${n}.${side}`,
    localAddress: `192.0.${n}.${side === 1 ? 2 : 1}`,
    asn,
  });
  const toSources = [peer(3, 1, 65011), peer(4, 1, 65012)];
  const add = addPath === undefined ? {} : {addPath};
  const [machines, asns] = [
    [one, two],
    [65011, 65012],
  ];
  const sources = machines.map(
    (machine, n) =>
      new Speaker(machine, {
        ...common(n + 3, 1, asns[n] ?? 0),
        announces: prefixes,
        peers: [peer(n + 3, 2, 65001)],
      }),
  );
  const twill = new Speaker(a, {
    ...common(2, 1, 65001),
    peers: [{...peer(2, 2, 65001), ...add}, ...(behind === 'twill' ? toSources : [])],
  });
  const make = routers[kind] as (machine: Machine, config: RouterConfig) => Router;
  const router = make(b, {
    ...common(2, 2, 65001),
    peers: [{...peer(2, 1, 65001), ...add}, ...(behind === 'router' ? toSources : [])],
  });
  await Promise.all([...sources, twill, router].map(each => each.start()));
  return {sources, twill, router};
}

/** Resolves with the AS paths of the prefix when there are so many. */
async function paths(router: Router, prefix: string, count: number, withinMs = 15_000) {
  const family = prefix.includes(':') ? 'ipv6' : 'ipv4';
  const find = async () => {
    const routes = (await router.routes(family)).filter(route => route.prefix === prefix);
    return routes.length === count && routes.map(({asPath}) => asPath);
  };
  return eventually(find, {withinMs, everyMs: 50, what: `${count} paths of ${prefix}`});
}

async function has(twill: Speaker, address: string, count: number): Promise<void> {
  const isSo = async () => {
    const {received} = (await twill.peer(address)).prefixes;
    return received.ipv4 === count && received.ipv6 === count;
  };
  await eventually(isSo, {withinMs: 15_000, everyMs: 50, what: `${count} paths from ${address}`});
}
