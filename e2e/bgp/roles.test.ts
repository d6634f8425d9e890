/*
 *   twill 65001 ---- BIRD or FRR 65002, each with a role (RFC 9234)
 *
 * Claims: roles that fit make a session, and routes that came from a provider or a peer go to customers
 * only; roles that do not fit are refused at both ends, in words.
 */
import {eventually} from '../lab/eventually.js';
import {labTest} from '../privileged.js';
import {programs, startPair, type Session} from './lab/pair.js';
import {established, learns} from './lab/router.js';

for (const kind of ['bird', 'frr'] as const) {
  labTest(
    `${kind}: roles that fit, and what its provider taught us does not go to another provider`,
    async t => {
      const sessions: readonly Session[] = [
        {twill: {role: 'customer'}, router: {role: 'provider'}},
        {twill: {role: 'peer'}, router: {role: 'peer'}},
      ];
      const {twill, theirs} = await startPair(t, {kind, sessions});
      for (const address of theirs) await established(twill, address);
      await learns(twill, '10.2.0.0/24');
      for (const address of theirs) {
        // nothing learnt: our own of each family, though between two AS the other path would go back
        const {advertised} = (await twill.peer(address)).prefixes;
        t.deepEqual(advertised, {ipv4: 1, ipv6: 1});
      }
    },
    {programs: programs[kind]},
  );

  labTest(
    `${kind}: roles that do not fit, and why is said`,
    async t => {
      const sessions: readonly Session[] = [
        {twill: {role: 'provider'}, router: {role: 'provider'}},
      ];
      const {twill, theirs} = await startPair(t, {kind, sessions});
      const said = async () => /role/i.test((await twill.lastError(theirs[0] ?? '')) ?? '');
      await eventually(said, {withinMs: 15_000, everyMs: 50, what: 'a word about roles'});
      t.false((await twill.peers()).some(({isEstablished}) => isEstablished));
    },
    {programs: programs[kind]},
  );
}
