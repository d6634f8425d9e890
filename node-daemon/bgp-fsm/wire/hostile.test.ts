/** TWILL_FUZZ_RUNS=100000000 TWILL_FUZZ_SEED=… makes a campaign of the mutation test. */
import test from 'ava';
import fc from 'fast-check';

import {encodeKeepalive} from './header.js';
import {createRandom, HOSTILE, mutate, outcomeOf} from './hostile.js';
import {encodeOpen} from './open.js';
import {encodeRefresh} from './refresh.js';
import type {WireSession} from './session.js';
import {ADD_PATH, EBGP, IBGP, NEXT_HOP6, OLD_PEER} from './vectors.js';

const SESSIONS = [EBGP, IBGP, OLD_PEER, ADD_PATH, NEXT_HOP6];
const CLASS = /^(ok|discard|withdraw|open|keepalive|incomplete|refresh|error \d\/\d+)/;
const runs = Number(process.env['TWILL_FUZZ_RUNS'] ?? 100_000);
const seed = Number(process.env['TWILL_FUZZ_SEED'] ?? Date.now() | 0);

test('the messages that broke others are here', t => {
  t.true(HOSTILE.length >= 28);
});

for (const {name, wire, outcome} of HOSTILE) {
  test(`${name}: ${outcome}`, t => {
    t.is(outcomeOf(wire, EBGP), outcome);
  });

  test(`${name}: every truncation, in every kind of session`, t => {
    for (const session of SESSIONS) {
      for (let cut = 0; cut < wire.length; cut += wire.length > 1000 ? 17 : 1) {
        const short = wire.slice(0, cut);
        t.regex(outcomeOf(short, session), /^(incomplete|error 1\/3)$/);
        if (cut < 19) continue;
        short[16] = cut >>> 8; // now it pretends to be whole
        short[17] = cut;
        t.not(outcomeOf(short, session), '');
      }
    }
  });
}

test(`mutated messages have an outcome, none takes 10 ms`, t => {
  t.timeout(24 * 3600 * 1000);
  t.log(`seed ${seed}, ${runs} runs`);
  const random = createRandom(seed);
  const seeds = [
    ...HOSTILE.map(({wire}) => wire),
    encodeKeepalive(),
    encodeRefresh('ipv6', 'begin'),
    encodeOpen({asn: 4200000000, holdTimeSeconds: 90, identifier: 1, capabilities: []}),
  ];
  const outcomes = new Set<string>();
  let slowestMs = 0;
  for (let run = 0; run < runs; run++) {
    const mutant = mutate(seeds[random(seeds.length)] ?? encodeKeepalive(), random);
    const session = SESSIONS[random(SESSIONS.length)] ?? EBGP;
    const extended = random(2) === 0;
    const start = performance.now();
    const outcome = outcomeOf(mutant, session, extended);
    const tookMs = performance.now() - start;
    if (tookMs > 10) slowestMs = Math.max(slowestMs, bestOfTenMs(mutant, session, extended));
    outcomes.add(CLASS.exec(outcome)?.[0] ?? 'notification'); // whose texts are without number
  }
  t.true(slowestMs < 10, `${slowestMs} ms, ten times over`);
  for (const outcome of ['ok', 'discard', 'withdraw', 'open', 'keepalive', 'error 2/0']) {
    t.true(outcomes.has(outcome), `${outcome} never came`);
  }
});

/**
 * A pause of the machine is no fault of the message: the processor's time counts, and the best of ten, as
 * the collector may run in any.
 */
function bestOfTenMs(wire: Uint8Array, session: WireSession, extended: boolean): number {
  const times = Array.from({length: 10}, () => {
    const start = process.cpuUsage();
    outcomeOf(wire, session, extended);
    const {user, system} = process.cpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

test('random octets have an outcome', t => {
  const of = Date.now() | 0;
  t.log(`seed ${of}`);
  const session = fc.constantFrom(...SESSIONS);
  fc.assert(
    fc.property(fc.uint8Array({maxLength: 100}), fc.nat(6), session, (body, type, kind) => {
      const wire = new Uint8Array(19 + body.length).fill(0xff, 0, 16);
      wire[16] = wire.length >>> 8;
      wire[17] = wire.length;
      wire[18] = type;
      wire.set(body, 19);
      return outcomeOf(wire, kind) !== '' && outcomeOf(body, kind) !== '';
    }),
    {seed: of, numRuns: 5000},
  );
  t.pass();
});
