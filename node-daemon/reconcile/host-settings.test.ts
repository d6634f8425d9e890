import test, {type ExecutionContext} from 'ava';
import {ManualClock} from '../datastore/clock.js';
import type {HostWish} from '../desired/host-wish.js';
import {FakeIptables} from '../kernel/iptables-fake.js';
import type {SysctlKernel} from '../kernel/sysctl.js';
import {HostSettings, type HostPass} from './host-settings.js';

const pool = {cidr: '10.0.0.0/16', natOutgoing: true};
const sysctls = {families: ['ipv4'], underlays: []} as const;
const forwarding = 'net/ipv4/ip_forward';

/** A host whose settings are all off, and who keeps them. */
function setUp(t: ExecutionContext) {
  const clock = new ManualClock();
  const iptables = new FakeIptables();
  const files = new Map([
    [forwarding, '0'],
    ['net/ipv4/conf/default/forwarding', '0'],
  ]);
  const kernel: SysctlKernel = {
    read: path => Promise.resolve(files.get(path.join('/'))),
    write: (path, value) => Promise.resolve(void files.set(path.join('/'), value)),
  };
  const host = {
    wish: (): HostWish => ({sysctls, pools: [pool]}),
    open: () => Promise.resolve(iptables),
  };
  const passes: HostPass[] = [];
  const bugs: unknown[] = [];
  const settings = new HostSettings({
    openIptables: async () => ({
      ...{iptables: await host.open(), other: new FakeIptables()},
      ...{reason: 'a test', isConfigured: true},
    }),
    onMove: () => undefined,
    sysctls: kernel,
    wish: () => host.wish(),
    clock,
    resyncMs: 60_000,
    onPass: pass => passes.push(pass),
    onBug: bug => bugs.push(bug),
  });
  t.teardown(() => settings.stop());
  const chain = () => iptables.rules('ipv4', 'nat', 'TWILL-POSTROUTING');
  return {clock, iptables, files, host, passes, bugs, settings, chain};
}

test('a pass writes what is missing and says so; the next one has nothing to write', async t => {
  const {files, passes, settings, chain, iptables} = setUp(t);
  await settings.run();
  t.is(files.get(forwarding), '1');
  t.truthy(chain());
  const [first] = passes;
  t.is(first?.chainsWritten, 2, 'nat and filter');
  t.deepEqual(
    first?.sysctlsWritten.map(({key}) => key),
    ['net.ipv4.ip_forward', 'net.ipv4.conf.default.forwarding'],
  );
  t.is(first?.desired, 4);

  const written = iptables.writes.length;
  await settings.run();
  t.is(iptables.writes.length, written);
  t.deepEqual([settings.last?.chainsWritten, settings.last?.sysctlsWritten], [0, []]);
});

test('chains wait until the pools are known; settings do not', async t => {
  const {files, host, settings, chain} = setUp(t);
  const {open} = host;
  host.wish = () => ({sysctls, pools: undefined});
  host.open = () => Promise.reject(new Error('not asked yet'));
  await settings.run();
  t.is(files.get(forwarding), '1');
  t.is(settings.last?.failed.size, 0);
  t.is(chain(), undefined);

  host.open = open;
  host.wish = () => ({sysctls, pools: [pool]});
  await settings.run();
  t.truthy(chain());
});

test('what is damaged is whole again after the resync, and not before', async t => {
  const {clock, files, settings} = setUp(t);
  await settings.run();
  files.set(forwarding, '0');
  await clock.advance(59_000);
  t.is(files.get(forwarding), '0');
  await clock.advance(1000);
  t.is(files.get(forwarding), '1');
});

test('an iptables that cannot be used stops no sysctl, is told of, and is tried again soon', async t => {
  const {clock, files, host, passes, settings, chain} = setUp(t);
  const {open} = host;
  host.open = () => Promise.reject(new Error('no iptables'));
  await settings.run();
  t.is(files.get(forwarding), '1');
  t.is(passes[0]?.failed.get('iptables')?.message, 'no iptables');
  host.open = open;
  await clock.advance(999);
  t.is(chain(), undefined);
  await clock.advance(1);
  t.truthy(chain());
  t.is(passes.length, 2);
  t.is(passes[1]?.failed.size, 0);
});

test('wishes that come during a pass lead to one more, however many', async t => {
  const {host, iptables, passes, settings, chain} = setUp(t);
  let go: () => void = () => undefined;
  const {open} = host;
  host.open = async () => {
    await new Promise<void>(resolve => (go = resolve));
    return open();
  };
  const first = settings.run();
  await new Promise(resolve => setImmediate(resolve)); // it has its wish, and waits for iptables
  host.wish = () => ({sysctls, pools: []});
  const more = [settings.run(), settings.run(), settings.run()];
  go();
  await first;
  t.is(passes.length, 1);
  await Promise.all(more);
  t.is(passes.length, 2);
  t.is(chain(), undefined, 'by the later wish');
  t.true(iptables.writes.length > 0, 'the control: the first pass wrote');
});

test('a bug is told of, and the next pass comes all the same', async t => {
  const {clock, host, bugs, settings, chain} = setUp(t);
  const {wish} = host;
  host.wish = () => {
    throw new TypeError('a bug');
  };
  await settings.run();
  t.is(bugs.length, 1);
  host.wish = wish;
  await clock.advance(1000);
  t.truthy(chain());
});

test('once stopped nothing is touched', async t => {
  const {clock, files, settings} = setUp(t);
  await settings.run();
  await settings.stop();
  files.set(forwarding, '0');
  await settings.run();
  await clock.advance(600_000);
  t.is(files.get(forwarding), '0');
  t.is(clock.pending, 0);
});
