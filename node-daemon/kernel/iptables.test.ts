import test from 'ava';
import {
  chooseBackend,
  holdingOf,
  isDeserted,
  type Backend,
  type Holding,
} from './iptables-backend.js';
import {IptablesError, createIptables, openIptables} from './iptables.js';
import {parseSave} from './iptables-save.js';
import {ProgramError, type RunProgram, runProgram} from './process.js';

const holding = (rules: number, kubelet = false): Holding => ({kind: 'usable', kubelet, rules});
const unusable: Holding = {kind: 'unusable', reason: 'not installed'};

const choices: readonly (readonly [string, Holding, Holding, Backend | 'none'])[] = [
  ['an empty host', holding(0), holding(0), 'nft'],
  ['rules in legacy only', holding(0), holding(12), 'legacy'],
  ['more rules in nft', holding(13), holding(12), 'nft'],
  ['as many rules in both', holding(5), holding(5), 'nft'],
  ["kubelet's hint in legacy, more rules in nft", holding(99), holding(2, true), 'legacy'],
  ["kubelet's hint in both", holding(2, true), holding(99, true), 'nft'],
  ['no nft', unusable, holding(0), 'legacy'],
  ['no legacy', holding(0), unusable, 'nft'],
  ['neither', unusable, unusable, 'none'],
];

for (const [title, nft, legacy, expected] of choices) {
  test(`backend: ${title} means ${expected}`, t => {
    const choice = chooseBackend(nft, legacy);
    t.is(choice.kind === 'chosen' ? choice.backend : 'none', expected);
  });
}

test('a backend is deserted when others are in the other one alone', t => {
  t.true(isDeserted(holding(0), holding(1)));
  t.true(isDeserted(holding(0), holding(0, true)));
  for (const [current, other] of [
    [holding(0), holding(0)],
    [holding(1), holding(99, true)],
    [holding(0, true), holding(99, true)],
    [holding(0), unusable],
    [unusable, holding(1)],
  ] as const) {
    t.false(isDeserted(current, other), JSON.stringify([current, other]));
  }
});

test('a policy that refuses counts like a rule', async t => {
  const saved = ':INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:TWILL-FORWARD - [0:0]\n';
  const run: RunProgram = program =>
    Promise.resolve(program === 'iptables-legacy-save' ? `*filter\n${saved}COMMIT\n` : '');
  const {iptables, reason} = await openIptables('auto', run);
  t.is(iptables.backend, 'legacy');
  t.is(reason, '0 rules of others in nft, 1 in legacy');
});

test('our own rules do not speak for a backend, kubelet chains of either family do', t => {
  const ours = '*nat\n:TWILL-X - [0:0]\n-A POSTROUTING -j TWILL-X\n-A TWILL-X -j RETURN\nCOMMIT\n';
  const hint = '*mangle\n:KUBE-IPTABLES-HINT - [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n';
  t.deepEqual(holdingOf([parseSave(ours)]), {kind: 'usable', kubelet: false, rules: 0});
  t.deepEqual(holdingOf([parseSave(ours), parseSave(hint)]), {
    kind: 'usable',
    kubelet: true,
    rules: 1,
  });
});

test('auto without any iptables says which programs were missed', async t => {
  const run: RunProgram = program =>
    Promise.reject(new ProgramError('MISSING', {program, why: 'the program is not installed'}));
  const error = await t.throwsAsync(openIptables('auto', run), {
    instanceOf: IptablesError,
    code: 'MISSING',
  });
  t.regex(error.message, /iptables-nft-save: .*iptables-legacy-save: /);
});

test('a host without ip6tables still has a backend', async t => {
  const run: RunProgram = program =>
    program.startsWith('ip6')
      ? Promise.reject(new ProgramError('MISSING', {program, why: 'the program is not installed'}))
      : Promise.resolve('');
  const {iptables, other} = await openIptables('auto', run);
  t.is(iptables.backend, 'nft');
  t.is(other.backend, 'legacy');
});

test('a configured backend is taken without looking', async t => {
  const run: RunProgram = () => Promise.reject(new Error('nothing is to be run'));
  t.is((await openIptables('legacy', run)).iptables.backend, 'legacy');
});

test('restore adds to what is there and waits for the lock, bounded', async t => {
  const calls: unknown[] = [];
  const run: RunProgram = (program, args, options) => {
    calls.push([program, args, options?.stdin]);
    return Promise.resolve('');
  };
  await createIptables('legacy', run).restore('ipv6', '*nat\nCOMMIT\n');
  t.deepEqual(calls, [['ip6tables-legacy-restore', ['--noflush', '-w', '5'], '*nat\nCOMMIT\n']]);
});

const refusals: readonly (readonly [string, number, string, string])[] = [
  ['a held lock', 4, 'Another app is currently holding the xtables lock', 'BUSY'],
  ['other resource problems', 4, 'iptables-restore: line 2 failed', 'REFUSED'],
  ['a bad rule', 2, 'Bad argument', 'REFUSED'],
];

for (const [title, exitCode, stderr, code] of refusals) {
  test(`${title} is ${code}`, async t => {
    const run: RunProgram = program =>
      Promise.reject(new ProgramError('EXIT', {program, exitCode, stderr, why: stderr}));
    const iptables = createIptables('nft', run);
    await t.throwsAsync(iptables.restore('ipv4', ''), {instanceOf: IptablesError, code});
  });
}

test('a program gets its text, and its end is reported with its last words', async t => {
  t.is(await runProgram('cat', [], {stdin: 'text'}), 'text');
  const failed = await t.throwsAsync(runProgram('sh', ['-c', 'echo why >&2; exit 3']), {
    instanceOf: ProgramError,
    code: 'EXIT',
  });
  t.is(failed.message, 'sh: exit code 3: why');
});

test('a program that is not there, or not done in time, is told apart', async t => {
  await t.throwsAsync(runProgram('twill-no-such-program', []), {code: 'MISSING'});
  await t.throwsAsync(runProgram('sleep', ['60'], {deadlineMs: 50}), {code: 'DEADLINE'});
});

test('a program that does not read its input does no harm', async t => {
  t.is(await runProgram('true', [], {stdin: 'x'.repeat(1_000_000)}), '');
});
