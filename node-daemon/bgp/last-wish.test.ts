import {createHash} from 'node:crypto';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import test, {type ExecutionContext} from 'ava';

import type {BgpWish, PasswordRead} from './config/input.js';
import {FORMAT, LastWishFile} from './last-wish.js';
import {parseStandalone} from './standalone-config.js';

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twill-unit-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

function wishOf(peers: readonly object[]): BgpWish {
  const file = {asn: 65001, identifier: '10.0.0.1', peers, routes: ['10.1.0.0/16', 'fd01::/32']};
  const {config, routes} = parseStandalone(JSON.stringify(file));
  return {
    ...{config, routes, installRoutes: true, facts: {reflectors: ['b']}, links: ['eth1']},
    ...{passwordFiles: [], kept: [], withheld: [], problems: []},
    memory: {sessions: new Set(['b', 'c']), clients: new Set(['c']), shelf: {}} as never,
  };
}

const read = (password: string): PasswordRead => ({kind: 'ok', password});

test('what was kept is there after a start, policies and all; passwords are read anew', async t => {
  const folder = await folderOf(t);
  const secret = join(folder, 'tor');
  await writeFile(secret, 'orange\n');
  const peers = [
    {address: '192.0.2.1', asn: 65002, password: 'orange'},
    {address: '192.0.2.2', asn: 65002, import: [{match: {asPath: '^65002'}, action: 'accept'}]},
  ];
  const wish = wishOf(peers);
  const stateDir = join(folder, 'not', 'there', 'yet');
  await new LastWishFile(stateDir).keep(wish, new Map([[secret, read('orange')]]));
  t.false((await readFile(join(stateDir, 'bgp-last-wish'))).includes('orange'));

  const last = await new LastWishFile(stateDir).load();
  t.deepEqual(last?.routes, wish.routes);
  t.deepEqual(last?.facts, wish.facts);
  t.deepEqual(last?.links, ['eth1']);
  t.deepEqual(last?.memory, {sessions: new Set(['b', 'c']), clients: new Set(['c'])});
  t.is(last?.config.peers[0]?.password, 'orange');
  const idOf = (at: number) => wish.config?.peers[at]?.policy.importPolicy?.id;
  t.is(last?.config.peers[1]?.policy.importPolicy?.id, idOf(1));

  await writeFile(secret, 'lemon');
  const later = await new LastWishFile(stateDir).load();
  t.is(later?.config.peers[0]?.password, 'lemon');
  await rm(secret);
  const without = await new LastWishFile(stateDir).load();
  t.deepEqual(
    without?.config.peers.map(({address}) => address),
    ['192.0.2.2'],
    'never without its password',
  );
});

test('a node that speaks BGP no more keeps nothing, also one that has just started', async t => {
  const folder = await folderOf(t);
  await new LastWishFile(folder).keep(wishOf([]), new Map());
  t.truthy(await new LastWishFile(folder).load());
  await new LastWishFile(folder).keep({...wishOf([]), config: undefined}, new Map());
  t.is(await new LastWishFile(folder).load(), undefined);
});

test('routes that are not known stay as they were', async t => {
  const folder = await folderOf(t);
  const file = new LastWishFile(folder);
  const wish = wishOf([]);
  await file.keep(wish, new Map());
  await file.keep({...wish, routes: undefined, installRoutes: false}, new Map());
  const last = await new LastWishFile(folder).load();
  t.deepEqual(last?.routes, wish.routes);
  t.false(last?.installRoutes);
});

test('a file of another format, or none at all, says nothing', async t => {
  const folder = await folderOf(t);
  for (const octets of ['', 'x', '{}', Buffer.from([0xff, 0x0f, 0x6f])]) {
    await writeFile(join(folder, 'bgp-last-wish'), octets);
    t.is(await new LastWishFile(folder).load(), undefined);
  }
});

test('the format has a new number when what it holds changes', t => {
  const {config} = wishOf([{address: '192.0.2.1', asn: 65002}]);
  const [peer] = config?.peers ?? [];
  const names = [config, peer, peer?.policy].map(each =>
    Object.keys(each ?? {})
      .sort()
      .join(' '),
  );
  const digest = createHash('sha256').update(names.join()).digest('hex').slice(0, 8);
  t.deepEqual(
    {FORMAT, digest},
    {FORMAT: 5, digest: '8c68fb84'},
    'raise FORMAT, then note the digest',
  );
});
