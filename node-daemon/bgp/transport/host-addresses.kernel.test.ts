import test, {type ExecutionContext} from 'ava';

import {formatAddress} from '#bgp-fsm';
import {createScratch} from '../../kernel/scratch-namespace.js';
import {HostAddresses} from './host-addresses.js';

async function open(t: ExecutionContext, setUp: readonly string[]) {
  const scratch = await createScratch(t);
  for (const line of setUp) await scratch.ip(line);
  let changes = 0;
  let wake = () => {};
  const addresses = await HostAddresses.open({
    namespace: {path: scratch.path},
    log: (_level, message, fields) => t.fail(`${message} ${JSON.stringify(fields)}`),
    onChange() {
      changes++;
      wake();
    },
  });
  t.teardown(() => addresses.close());
  const shown = () => {
    const all = addresses.list.map(({address}) => formatAddress(address));
    return all.filter(address => !/^(127|::1$|fe80)/.test(address)).sort();
  };
  const becomes = async (expected: readonly string[]) => {
    const late = setTimeout(() => wake(), 5000);
    while (shown().join() !== [...expected].sort().join()) {
      const before = changes;
      await new Promise<void>(resolve => (wake = resolve));
      if (changes === before) break;
    }
    clearTimeout(late);
    t.deepEqual(shown(), [...expected].sort());
  };
  return {scratch, addresses, becomes};
}

const link = ['link add left type veth peer name right', 'link set left addrgenmode none'];

test('addresses of a link that nobody has at the other end are there, and those that come and go', async t => {
  const {scratch, addresses, becomes} = await open(t, [
    ...link,
    'link set left up', // no carrier: not running, and still ours
    'address add 192.0.2.1/24 dev left',
    'address add 2001:db8::1/64 dev left nodad',
  ]);
  await becomes(['192.0.2.1', '2001:db8::1']);
  const first = addresses.list.find(({subnet}) => subnet.bits === 24);
  t.is(first && formatAddress(first.address), '192.0.2.1');
  await scratch.ip('address add 192.0.2.9/24 dev left');
  await becomes(['192.0.2.1', '192.0.2.9', '2001:db8::1']);
  await scratch.ip('address del 192.0.2.1/24 dev left'); // and its secondary
  await becomes(['2001:db8::1']);
  await scratch.ip('link del left');
  await becomes([]);
});

test('an IPv6 address counts when duplicates of it were looked for, and not before', async t => {
  const {scratch, becomes} = await open(t, [
    ...link,
    ...['left', 'right'].map(end => `link set ${end} up`),
    'address add 192.0.2.1/24 dev left',
    'address add 2001:db8::1/64 dev left',
  ]);
  await becomes(['192.0.2.1']);
  t.regex(await scratch.ip('address show dev left'), /2001:db8::1\/64 scope global tentative/);
  await becomes(['192.0.2.1', '2001:db8::1']);
});
