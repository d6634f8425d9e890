import test from 'ava';
import {desireChains, type NatPool} from '../desired/nat.js';
import {parseSave} from '../kernel/iptables-save.js';
import {planChains} from './nat-plan.js';

const pools: readonly NatPool[] = [{cidr: '10.0.0.0/8', natOutgoing: true}];
const desired = desireChains({family: 'ipv4', pools});
const natJump =
  '-m comment --comment "twill: pod traffic that leaves the pools" -j TWILL-POSTROUTING';
const forwardJump =
  '-m comment --comment "twill: pod traffic nobody else decided on" -j TWILL-FORWARD';
const natRules = [
  '-A TWILL-POSTROUTING -d 10.0.0.0/8 -j RETURN',
  '-A TWILL-POSTROUTING -d 224.0.0.0/4 -j RETURN',
  '-A TWILL-POSTROUTING -s 10.0.0.0/8 -j MASQUERADE --random-fully',
];

/** The lines between `*table` and COMMIT. */
function planLines(table: 'nat' | 'filter', save: readonly string[], wanted = desired): string[] {
  const observed = parseSave([`*${table}`, ...save, 'COMMIT', ''].join('\n'));
  const plan = planChains(wanted, observed).find(at => at.table === table);
  return plan === undefined ? [] : plan.text.split('\n').slice(1, -2);
}

const settled = [
  ':POSTROUTING ACCEPT [0:0]',
  ':TWILL-POSTROUTING - [0:0]',
  `-A POSTROUTING ${natJump}`,
  '-A POSTROUTING -j OTHERS',
  ...natRules,
];

test('an empty host gets chains and one jump', t => {
  t.deepEqual(planLines('nat', []), [
    ':TWILL-POSTROUTING - [0:0]',
    ...natRules,
    `-I POSTROUTING 1 ${natJump}`,
  ]);
});

test('what is right is not written again', t => {
  t.deepEqual(planLines('nat', settled), []);
});

test('a chain that differs is written as a whole and keeps its jump', t => {
  const tampered = settled.filter(line => !line.includes('224.0.0.0'));
  t.deepEqual(planLines('nat', tampered), [':TWILL-POSTROUTING - [0:0]', ...natRules]);
});

const misplaced: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['missing', ['-j OTHERS'], [`-I POSTROUTING 1 ${natJump}`]],
  [
    'not the first',
    ['-j OTHERS', natJump],
    [`-D POSTROUTING ${natJump}`, `-I POSTROUTING 1 ${natJump}`],
  ],
  [
    'there twice',
    [natJump, natJump, '-j OTHERS'],
    [`-D POSTROUTING ${natJump}`, `-D POSTROUTING ${natJump}`, `-I POSTROUTING 1 ${natJump}`],
  ],
  [
    'bound to a condition',
    ['-o eth0 -j TWILL-POSTROUTING'],
    ['-D POSTROUTING -o eth0 -j TWILL-POSTROUTING', `-I POSTROUTING 1 ${natJump}`],
  ],
];

for (const [title, jumps, expected] of misplaced) {
  test(`a jump that is ${title} is put right`, t => {
    const others = settled.filter(line => !line.startsWith('-A POSTROUTING'));
    const save = [...others, ...jumps.map(jump => `-A POSTROUTING ${jump}`)];
    t.deepEqual(planLines('nat', save), expected);
  });
}

test('natOutgoing switched off leaves nothing of ours, wherever it was linked', t => {
  const save = [...settled, ':OTHERS - [0:0]', '-A OTHERS -p tcp -g TWILL-POSTROUTING'];
  t.deepEqual(planLines('nat', save, []), [
    ':TWILL-POSTROUTING - [0:0]',
    `-D POSTROUTING ${natJump}`,
    '-D OTHERS -p tcp -g TWILL-POSTROUTING',
    '-X TWILL-POSTROUTING',
  ]);
});

const forwardRules = ['-i twl+', '-o twl+', '-s 10.0.0.0/8', '-d 10.0.0.0/8'];
const forward = [
  ':TWILL-FORWARD - [0:0]',
  ...forwardRules.map(match => `-A TWILL-FORWARD ${match} -j ACCEPT`),
];
const places: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['last', ['-j DOCKER-USER', '-i eth0 -j DROP'], [`-A FORWARD ${forwardJump}`]],
  ['before a final REJECT', ['-j A', '-j REJECT'], [`-I FORWARD 2 ${forwardJump}`]],
  [
    'back from behind a REJECT',
    ['-j A', '-j REJECT', forwardJump],
    [`-D FORWARD ${forwardJump}`, `-I FORWARD 2 ${forwardJump}`],
  ],
  ['where it is, when others were added after it', [forwardJump, '-j A', '-j REJECT'], []],
];

for (const [title, rules, expected] of places) {
  test(`the jump from FORWARD goes ${title}`, t => {
    const save = [...forward, ...rules.map(rule => `-A FORWARD ${rule}`)];
    t.deepEqual(planLines('filter', save), expected);
  });
}

test("chains of others and policy's are never named", t => {
  const save = [':TWILL-POLICY - [0:0]', ':KUBE-FORWARD - [0:0]', '-A FORWARD -j TWILL-POLICY'];
  t.deepEqual(planLines('filter', save, []), []);
});
