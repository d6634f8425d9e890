import test from 'ava';
import {deriveBgp} from './derive.js';
import {paperInput} from './paper-cluster.js';

const useless = 'spec.role: has no effect, the session is internal and roles are between ASes';

/** Of the one BGPPeer with these fields and a role, in AS 64512. */
function withRole(spec: object) {
  const tor = {role: 'customer', strictRole: true, ...spec};
  const wish = deriveBgp(paperInput({peers: {tor}, labels: {'twill.io/bgp-asn': '64512'}}));
  const {peers = [], ranges = []} = wish?.config ?? {};
  const [peer] = [...peers, ...ranges];
  const problems = wish?.problems.map(({key, message}) => `${key} ${message}`);
  return {roles: [peer?.role, peer?.policy.role, peer?.strictRole], problems};
}

test('the role of an internal neighbour is told, and not used', t => {
  const internal: readonly object[] = [
    {asn: 64512},
    {asn: [64512]},
    {asn: 'internal'},
    {asn: 64512, address: '198.51.100.0/24'},
    {asn: 65009, localAs: {asn: 65009}},
    {asn: 'internal', localAs: {asn: 65009, dual: true}},
  ];
  for (const spec of internal) {
    t.deepEqual(withRole(spec), {
      roles: [undefined, undefined, false],
      problems: [`bgppeer/tor ${useless}`],
    });
  }
});

test('a neighbour that is external, or may be, is told our role', t => {
  const others: readonly object[] = [
    {asn: 64999},
    {asn: [64512, 64999]},
    {asn: 'external'},
    {asn: 64512, localAs: {asn: 65009}},
    {asn: 65009, localAs: {asn: 65009, dual: true}}, // it may see us as 64512
  ];
  for (const spec of others) {
    t.deepEqual(withRole(spec), {roles: ['customer', 'customer', true], problems: []});
  }
});
