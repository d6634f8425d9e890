/*
 *   twill 65001 ---- iBGP ---- BIRD, FRR, GoBGP or OpenBGPD
 *
 * Claims (RFC 2918, 7313): who asks gets everything again on the session that stands, as often as it asks,
 * marked at both ends where both know how; what we ask for we get, and nothing is lost or withdrawn.
 */
import type {ExecutionContext} from 'ava';
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {programs, startPair, type Pair, type RouterKind} from './lab/pair.js';
import {learns} from './lab/router.js';

/** How each is made to ask. GoBGP never does. */
const asks: Partial<Record<RouterKind, (pair: Pair) => Promise<unknown>>> = {
  bird: ({router}) => tool(router).ask('reload in p0'),
  frr: ({router, ours}) => tool(router).ask(`clear bgp ${ours[0]} soft in`),
  openbgpd: ({router, ours}) => tool(router).ask(`neighbor ${ours[0]} refresh`),
};

for (const [kind, ask] of Object.entries(asks) as [RouterKind, (typeof asks)['bird'] & object][]) {
  labTest(
    `${kind} asks for everything again, and we do`,
    async t => {
      // or it would not have to ask; and no collision ends the session
      const sessions = [{dialler: 'twill' as const, router: {keepsReceived: false}}];
      const pair = await startPair(t, {kind, sessions, asn: 65001});
      const {twill, router, theirs} = pair;
      const [address = ''] = theirs;
      await learns(twill, 'fd00:2::/64');
      for (const prefix of ['10.1.0.0/24', 'fd00:1::/64']) await learns(router, prefix);
      for (let n = 1; n <= 3; n++) {
        const before = await twill.peer(address);
        await ask(pair);
        const isTold = async () => {
          const {received, sent} = await twill.peer(address);
          const gotAsked = received.refresh > before.received.refresh;
          return gotAsked && sent.update >= before.sent.update + 2; // one of each family
        };
        await eventually(isTold, {withinMs: 10_000, everyMs: 50, what: `answer ${n}`});
      }
      t.is((await twill.peer(address)).established, 1);
      for (const prefix of ['10.1.0.0/24', 'fd00:1::/64']) await learns(router, prefix);
    },
    {programs: programs[kind]},
  );
}

// not these: Debian's OpenBGPD finds that no family was negotiated, and ExaBGP ends the session
for (const kind of ['bird', 'frr', 'gobgp'] as const) {
  labTest(
    `${kind} is asked for everything again, and does`,
    async t => {
      const config = {gracefulRestart: {timeSeconds: 30}}; // without it FRR waits for its own End-of-RIB
      await weAsk(
        t,
        await startPair(t, {
          ...{kind, asn: 65001, sessions: [{dialler: 'twill'}]},
          ...{twill: config, router: config},
        }),
      );
    },
    {programs: programs[kind]},
  );
}

/** We ask for both families: UPDATEs come again, the session and the routes stay. */
async function weAsk(t: ExecutionContext, {twill, theirs}: Pair): Promise<void> {
  const [address = ''] = theirs;
  for (const prefix of ['10.2.0.0/24', 'fd00:2::/64']) await learns(twill, prefix);
  const before = await twill.peer(address);
  for (const family of ['ipv4', 'ipv6']) {
    twill.command({kind: 'refresh', peer: address, direction: 'in', family});
  }
  const isTold = async () =>
    (await twill.peer(address)).received.update >= before.received.update + 2;
  await eventually(isTold, {withinMs: 10_000, everyMs: 50, what: 'everything again'});
  const after = await twill.peer(address);
  t.is(after.established, 1);
  t.deepEqual(after.prefixes.received, {ipv4: 1, ipv6: 1});
}

function tool(router: Pair['router']): {ask(command: string): Promise<string>} {
  if (!('ask' in router)) throw new Error(`${router.kind} has no tool to ask with`);
  return router;
}
