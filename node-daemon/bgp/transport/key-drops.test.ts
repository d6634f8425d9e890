import {readFileSync} from 'node:fs';

import test from 'ava';
import {parseKeyDrops, readKeyDrops} from './key-drops.js';

const text = `\
TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted
TcpExt: 7 11 12 13 8
IpExt: InNoRoutes InTruncatedPkts
IpExt: 1 2
`;

test('the kernel counts what it drops for a key, in columns that may stand anywhere', t => {
  t.deepEqual(parseKeyDrops(text), {missing: 11, unexpected: 12, wrong: 13});
  const other = text.replace('SyncookiesSent ', '').replace(' 7 ', ' ');
  t.deepEqual(parseKeyDrops(other), {missing: 11, unexpected: 12, wrong: 13});
});

test('a kernel that does not count them says nothing', t => {
  for (const each of [
    '',
    'TcpExt: a b\n',
    text.replace('TCPMD5Failure', 'Other'),
    'TcpExt:\nTcpExt:',
  ]) {
    t.is(parseKeyDrops(each), undefined, each);
  }
});

test('this kernel is read, where it counts them', t => {
  const drops = readKeyDrops();
  t.is(drops !== undefined, readFileSync('/proc/net/netstat', 'latin1').includes('TCPMD5NotFound'));
  t.true(Object.values(drops ?? {}).every(Number.isInteger));
});
