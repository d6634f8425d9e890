import test from 'ava';

import {parseCidr} from '../wire/address.js';
import {wordsOf} from '../wire/nlri.js';
import {isUnicastPrefix} from './unicast-prefix.js';

function isUnicast(cidr: string): boolean {
  const {address, bits} = parseCidr(cidr)!;
  return isUnicastPrefix(address.length === 4 ? 'ipv4' : 'ipv6', wordsOf(address), bits);
}

const IPV4 = ['224.0.0.0/4', '239.255.0.0/16', '127.0.0.0/8', '127.0.0.1/32', '255.255.255.255/32'];
const IPV6 = [
  'ff00::/8',
  'ff02::1/128',
  'fe80::/10',
  'fe80::/64',
  'febf::/16',
  '::1/128',
  '::/128',
];

test('multicast, loopback and link-local prefixes are no unicast ones', t => {
  for (const cidr of [...IPV4, ...IPV6]) t.false(isUnicast(cidr), cidr);
});

test('all beside them are, and what they are inside of', t => {
  const ipv4 = ['0.0.0.0/0', '126.0.0.0/8', '126.0.0.0/7', '128.0.0.0/1', '192.0.0.0/2'];
  const rest4 = ['223.0.0.0/8', '240.0.0.0/4', '255.255.255.254/32', '169.254.0.0/16'];
  const ipv6 = ['::/0', '::/8', 'fe00::/9', 'fec0::/10', 'fc00::/7', '::2/128', 'fe00::/8'];
  for (const cidr of [...ipv4, ...rest4, ...ipv6]) t.true(isUnicast(cidr), cidr);
});
