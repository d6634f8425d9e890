/* What is wrong with a prefix, in words that name the right one. */
import test from 'ava';
import {parseResource} from './kind.js';
import {formatProblem} from './problem.js';

function problemsOf(kind: string, name: string, spec: object): readonly string[] {
  const parsed = parseResource({apiVersion: 'twill.io/v1', kind, metadata: {name}, spec});
  return parsed.kind === 'ok' ? [] : parsed.problems.map(formatProblem);
}

const peer = (spec: object) =>
  problemsOf('BGPPeer', 'a', {address: '192.0.2.1', asn: 64512, ...spec});

test('a prefix with host bits is told with the prefix that it is in', t => {
  const rule = (cidr: string) => [{match: {prefixes: [{cidr}]}, action: 'accept'}];
  t.deepEqual(peer({import: rule('10.0.1.1/24')}), [
    'spec.import[0].match.prefixes[0].cidr: expected 10.0.1.0/24 (a prefix has no host bits), got "10.0.1.1/24"',
  ]);
  t.deepEqual(problemsOf('BGPConfig', 'default', {serviceRanges: ['10.0.0.0/8', 'fd00::1/64']}), [
    'spec.serviceRanges[1]: expected fd00::/64 (a prefix has no host bits), got "fd00::1/64"',
  ]);
  t.deepEqual(peer({export: rule('10.0.1.0/24')}), []);
});

test('where an address may stand as well, it is named beside the prefix', t => {
  t.deepEqual(peer({address: '10.0.1.1/24'}), [
    'spec.address: expected 10.0.1.0/24 (a prefix has no host bits) or the address 10.0.1.1, got "10.0.1.1/24"',
  ]);
  t.deepEqual(problemsOf('Pool', 'a', {cidr: '10.0.0.0/8', reserved: ['10.0.1.1/24']}), [
    'spec.reserved[0]: expected 10.0.1.0/24 (a prefix has no host bits) or the address 10.0.1.1, got "10.0.1.1/24"',
  ]);
  t.regex(peer({address: '10.0.1.1/33'})[0] ?? '', /^spec.address: expected an IPv4 or IPv6 addr/);
});
