import {mkdtemp, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {AddressBook, type AddressBookOptions} from './address-book.js';
import type {AllocationRequest} from './attachment.js';
import {MemoryDisk} from './journal/memory-disk.js';

const v4 = {cidr: '10.0.0.0/28', family: 'ipv4', pool: 'p'} as const;
const v6 = {cidr: 'fd00::/124', family: 'ipv6', pool: 'q'} as const;

function request(containerId: string, more: Partial<AllocationRequest> = {}): AllocationRequest {
  const attachment = {
    ...{containerId, ifName: 'eth0', network: 'twill', hostInterface: `twl${containerId}`},
    ...{mac: '02:00:00:00:00:01', netns: '4:4026531840'},
  };
  return {attachment, families: ['ipv4'], ...more};
}

async function openBook(disk: MemoryDisk, more: Partial<AddressBookOptions> = {}) {
  const book = await AddressBook.open({
    ...{dir: '/nowhere', disk, bootId: 'boot-1', now: () => '2026-01-01T00:00:00Z'},
    ...more,
  });
  book.setRanges([v4, v6]);
  return book;
}

async function take(book: AddressBook, containerId: string, more?: Partial<AllocationRequest>) {
  const allocation = await book.allocate(request(containerId, more));
  return allocation.kind === 'allocated' ? allocation.attachment.addresses.join() : allocation.kind;
}

async function dirFor(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'twill-book-'));
  t.teardown(() => rm(dir, {recursive: true, force: true}));
  return dir;
}

test('addresses come in order, both families at once, and survive a restart', async t => {
  const disk = new MemoryDisk();
  const book = await openBook(disk);
  t.is(await take(book, 'a', {families: ['ipv4', 'ipv6']}), '10.0.0.1,fd00::1');
  t.is(await take(book, 'b', {families: []}), '10.0.0.2,fd00::2');
  t.is(await take(book, 'c'), '10.0.0.3');
  await book.close();
  const again = await openBook(disk);
  t.deepEqual(again.list(), book.list());
  t.like(again.recovery, {found: 'journal', newBoot: false, tornBytes: 0, inDoubt: false});
  t.is(await take(again, 'd', {families: ['ipv4', 'ipv6']}), '10.0.0.4,fd00::3');
});

test('asking again for the same interface gives the same attachment, also at the same time', async t => {
  const book = await openBook(new MemoryDisk());
  const [first, second] = await Promise.all([
    book.allocate(request('a')),
    book.allocate(request('a')),
  ]);
  t.is(first?.kind, 'allocated');
  t.is(second?.kind, 'exists');
  t.deepEqual(first?.kind === 'allocated' && first.attachment, book.get('a', 'eth0') ?? false);
  t.like(await book.allocate(request('a')), {kind: 'exists'});
  t.is(book.usage()[0]?.used, 1);
});

test('a freed address is used again last, also across restarts and reboots', async t => {
  const disk = new MemoryDisk();
  let book = await openBook(disk);
  for (let n = 1; n <= 4; n++) await take(book, `c${n}`);
  await book.release('c2', 'eth0');
  await book.release('c1', 'eth0');
  await book.close();
  book = await openBook(disk, {bootId: 'boot-2'});
  t.like(book.recovery, {newBoot: true, droppedAttachments: 2});
  t.deepEqual(book.list(), []);
  const order: string[] = [];
  for (let n = 0; n < 16; n++) order.push(await take(book, `d${n}`));
  t.deepEqual(order.slice(0, 2), ['10.0.0.5', '10.0.0.6']);
  t.deepEqual(order.slice(11), ['10.0.0.2', '10.0.0.1', '10.0.0.3', '10.0.0.4', 'exhausted']);
});

test('when one family has no address left none is taken of the other', async t => {
  const book = await openBook(new MemoryDisk());
  for (let n = 1; n <= 15; n++) await take(book, `six${n}`, {families: ['ipv6']});
  const both = await book.allocate(request('a', {families: ['ipv4', 'ipv6']}));
  t.deepEqual(both, {kind: 'exhausted', family: 'ipv6'});
  t.is(book.usage()[0]?.used, 0);
  t.is(await take(book, 'b'), '10.0.0.1');
});

test('requested addresses are given exactly, or the reason why not', async t => {
  const book = await openBook(new MemoryDisk());
  const ask = (id: string, ...requested: string[]) => book.allocate(request(id, {requested}));
  t.like(await ask('a', '10.0.0.9/24', 'FD00::0:9'), {
    attachment: {addresses: ['10.0.0.9', 'fd00::9'], state: 'adding'},
  });
  t.deepEqual(await ask('b', '10.0.0.9'), {kind: 'taken', address: '10.0.0.9', holder: 'a/eth0'});
  t.deepEqual(await ask('b', '10.0.0.8', '10.0.0.9'), {
    ...{kind: 'taken', address: '10.0.0.9', holder: 'a/eth0'},
  });
  t.like(await ask('b', '10.0.0.0'), {kind: 'taken', holder: 'reserved'});
  t.deepEqual(await ask('b', '10.0.1.1'), {kind: 'outside', address: '10.0.1.1'});
  t.deepEqual(await ask('b', 'nonsense'), {kind: 'outside', address: 'nonsense'});
  t.is(book.list().length, 1);
  await book.release('a', 'eth0');
  t.like(await ask('b', '10.0.0.9'), {kind: 'allocated'});
});

test('addresses of a delegated ipam are recorded and never handed out', async t => {
  const book = await openBook(new MemoryDisk());
  const external = ['10.0.0.1', '192.0.2.7'];
  t.is(await take(book, 'a', {external}), '10.0.0.1,192.0.2.7');
  t.true(book.get('a', 'eth0')?.external);
  t.is(await take(book, 'b'), '10.0.0.2');
  t.like(await book.allocate(request('c', {external: ['192.0.2.7']})), {kind: 'taken'});
  await book.release('a', 'eth0');
  for (let n = 3; n < 16; n++) await take(book, `c${n}`);
  t.is(await take(book, 'd'), '10.0.0.1', 'free again, and last');
});

test('without a range of the family there is nothing to give', async t => {
  const book = await openBook(new MemoryDisk());
  book.setRanges([v6]);
  t.deepEqual(await book.allocate(request('a')), {kind: 'no-range', family: 'ipv4'});
  t.is(await take(book, 'a', {families: []}), 'fd00::1');
  book.setRanges([]);
  t.like(await book.allocate(request('b', {families: []})), {kind: 'no-range'});
  t.is(book.list().length, 1, 'holders keep what they have');
});

test('states are durable and unknown interfaces are not an error', async t => {
  const disk = new MemoryDisk();
  const book = await openBook(disk);
  const changes: string[] = [];
  book.onChange(({kind, attachment}) => changes.push(`${kind} ${attachment.state}`));
  await take(book, 'a');
  const key = {containerId: 'a', ifName: 'eth0'};
  t.is((await (await openBook(disk.crash(0))).markReady(key))?.state, 'ready');
  t.is((await book.markReady(key))?.state, 'ready');
  t.is((await book.markReady(key))?.state, 'ready');
  t.is((await openBook(disk.crash(0))).get('a', 'eth0')?.state, 'ready');
  t.is((await book.markDeleting(key))?.state, 'deleting');
  t.is((await openBook(disk.crash(0))).get('a', 'eth0')?.state, 'deleting');
  t.is((await book.release('a', 'eth0'))?.state, 'deleting');
  t.is(await book.release('a', 'eth0'), undefined);
  t.is(await book.markReady(key), undefined);
  t.deepEqual((await openBook(disk.crash(0))).list(), []);
  t.deepEqual(changes, ['added adding', 'changed ready', 'changed deleting', 'released deleting']);
});

test('100 requests at once share at most three flushes', async t => {
  const book = await openBook(new MemoryDisk());
  book.setRanges([{...v4, cidr: '10.0.0.0/24'}]);
  const before = book.flushes();
  const all = await Promise.all(Array.from({length: 100}, (_, n) => take(book, `c${n}`)));
  t.is(new Set(all).size, 100);
  t.true(book.flushes() - before <= 3, `${book.flushes() - before} flushes`);
});

test('a full disk hands nothing out and says so; later writes recover', async t => {
  const disk = new MemoryDisk();
  const book = await openBook(disk);
  await take(book, 'a');
  for (const fault of [{kind: 'full', writes: 40} as const, {kind: 'no-sync'} as const]) {
    disk.failNext(fault, {kind: 'full', writes: 0});
    const error = await t.throwsAsync(book.allocate(request('b')), {code: 'JOURNAL_IO'} as never);
    t.regex(error?.message ?? '', /ENOSPC|EIO/);
    await t.throwsAsync(book.release('a', 'eth0'), {code: 'JOURNAL_IO'} as never);
    t.deepEqual(
      book.list().map(({containerId}) => containerId),
      ['a'],
    );
  }
  t.is(await take(book, 'b'), '10.0.0.2');
  const again = await openBook(disk.crash(0));
  t.deepEqual(again.list(), book.list());
});

test('a disk that is full at the start leaves a book that can be read', async t => {
  const disk = new MemoryDisk();
  await take(await openBook(disk), 'a');
  disk.failNext({kind: 'full', writes: 0}, {kind: 'full', writes: 0});
  const book = await openBook(disk, {bootId: 'boot-2'});
  t.is(book.recovery.writeError?.errno, 'ENOSPC');
  await t.throwsAsync(book.allocate(request('b')), {code: 'JOURNAL_IO'} as never);
  t.is(await take(book, 'b'), '10.0.0.2');
  t.is((await openBook(disk.crash(0), {bootId: 'boot-2'})).list().length, 1);
});

test('the journal is rewritten when it has grown and says the same', async t => {
  const disk = new MemoryDisk();
  const book = await openBook(disk, {compactAboveBytes: 4000});
  await take(book, 'stays');
  for (let n = 0; n < 200; n++) {
    await take(book, `c${n}`);
    await book.release(`c${n}`, 'eth0');
  }
  t.true(disk.content!.length < 6000, `${disk.content!.length}`);
  const again = await openBook(disk.crash(0));
  t.deepEqual(again.list(), book.list());
  t.is(await take(again, 'next'), await take(book, 'next'));
});

test('an address the kernel uses and the journal does not know stays out of circulation', async t => {
  const inUse = async () => ['10.0.0.1', '10.0.0.3', '192.0.2.1'];
  const disk = new MemoryDisk();
  const book = await openBook(disk, {inUse});
  t.deepEqual(book.recovery.orphans, ['10.0.0.1', '10.0.0.3', '192.0.2.1']);
  t.is(await take(book, 'a'), '10.0.0.2');
  t.like(await book.allocate(request('b', {requested: ['10.0.0.1']})), {kind: 'taken'});
  await book.forgetOrphans(['10.0.0.1', '10.0.0.2']);
  t.like(await book.allocate(request('b', {requested: ['10.0.0.1']})), {kind: 'allocated'});
  t.deepEqual((await openBook(disk.crash(0))).orphans(), ['10.0.0.3', '192.0.2.1']);
  const later = await openBook(disk.crash(0), {inUse: async () => ['10.0.0.1', '10.0.0.2']});
  t.deepEqual(later.orphans(), []);
});

test('on a real disk: 100 at once, a restart, and a file a person can read', async t => {
  const dir = await dirFor(t);
  const open = () => AddressBook.open({dir, bootId: 'boot-1', now: () => new Date().toISOString()});
  const book = await open();
  book.setRanges([
    {...v4, cidr: '10.0.0.0/24'},
    {...v6, cidr: 'fd00::/120'},
  ]);
  const began = performance.now();
  await Promise.all(Array.from({length: 100}, (_, n) => take(book, `c${n}`, {families: []})));
  t.log(`100 at once: ${(performance.now() - began).toFixed(1)} ms, ${book.flushes()} flushes`);
  await book.close();
  const again = await open();
  t.is(again.list().length, 100);
  t.regex(await readFile(join(dir, 'ipam.journal'), 'utf8'), /^[0-9a-f]{8} 1 {"kind":"open"/);
  await again.close();
});
