import test from 'ava';
import {SettledPeers, type SessionFact} from './settled.js';

const up: SessionFact = {
  ...{name: 'node/r', isEstablished: true, inStateMs: 10_000},
  ...{families: ['ipv4', 'ipv6'], heard: ['ipv6', 'ipv4']},
};
const nobody: ReadonlySet<string> = new Set();

function look(session: Partial<SessionFact>) {
  const {peers, againMs} = new SettledPeers().look(0, [{...up, ...session}], nobody);
  return [peers.has('node/r'), againMs];
}

test('a session settles ten seconds after it is up with all routes told', t => {
  t.deepEqual(look({}), [true, undefined]);
  t.deepEqual(look({inStateMs: 9000}), [false, 1000]);
  t.deepEqual(look({inStateMs: 1000}), [false, 9000]);
  t.deepEqual(look({isEstablished: false}), [false, undefined]);
});

test('without End-of-RIB of every family it takes a minute', t => {
  t.deepEqual(look({heard: ['ipv4']}), [false, 5000]);
  t.deepEqual(look({heard: ['ipv4'], inStateMs: 1000}), [false, 9000]);
  t.deepEqual(look({heard: ['ipv4'], inStateMs: 58_000}), [false, 2000]);
  t.deepEqual(look({heard: [], inStateMs: 60_000}), [true, undefined]);
});

test('a reflector settles ten seconds after its record says that it is one', t => {
  const settled = new SettledPeers();
  const reflectors = new Set(['r']);
  t.deepEqual([...settled.look(1000, [up], reflectors).reflectors], []);
  t.is(settled.look(5000, [up], reflectors).againMs, 6000);
  t.deepEqual([...settled.look(11_000, [up], reflectors).reflectors], ['r']);
  const gone = {...up, isEstablished: false};
  t.deepEqual([...settled.look(12_000, [gone], reflectors).reflectors], []);

  settled.look(13_000, [up], nobody);
  t.deepEqual([...settled.look(14_000, [up], reflectors).reflectors], [], 'it begins anew');
});
