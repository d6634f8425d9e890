import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {desireSysctls, sysctlKey, type SysctlInput} from '../desired/sysctls.js';
import {SysctlError, type SysctlKernel, openSysctls} from '../kernel/sysctl.js';
import {createScratch, kernelTest} from '../kernel/scratch-namespace.js';
import {reconcileSysctls} from './sysctls.js';

const both: SysctlInput = {
  families: ['ipv4', 'ipv6'],
  underlays: ['eth0'],
  overlay: 'twill.4096',
};

const fresh = {
  'net/ipv4/ip_forward': '0',
  'net/ipv4/conf/all/rp_filter': '0',
  'net/ipv4/conf/default/forwarding': '0',
  'net/ipv4/conf/eth0/forwarding': '0',
  'net/ipv4/conf/twill.4096/forwarding': '0',
  'net/ipv4/conf/twill.4096/rp_filter': '0',
  'net/ipv6/conf/all/forwarding': '0',
  'net/ipv6/conf/eth0/accept_ra': '1',
  'net/ipv6/conf/twill.4096/disable_ipv6': '0',
};

async function createTree(t: ExecutionContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'twill-sysctl-'));
  t.teardown(() => rm(root, {recursive: true}));
  for (const [path, value] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), {recursive: true});
    await writeFile(join(root, path), `${value}\n`);
  }
  return root;
}

test('what is wrong is repaired and reported, and a second pass finds nothing', async t => {
  const root = await createTree(t, fresh);
  const first = await reconcileSysctls(openSysctls(root), desireSysctls(both));
  t.deepEqual(
    first.applied.map(({key, from, to}) => `${key} ${from} ${to}`),
    [
      'net.ipv4.ip_forward 0 1',
      'net.ipv4.conf.default.forwarding 0 1',
      'net.ipv4.conf.eth0.forwarding 0 1',
      'net.ipv4.conf.twill/4096.forwarding 0 1',
      'net.ipv6.conf.eth0.accept_ra 1 2',
      'net.ipv6.conf.all.forwarding 0 1',
    ],
  );
  t.is(first.failed.size, 0);
  const second = await reconcileSysctls(openSysctls(root), desireSysctls(both));
  t.deepEqual(second.applied, []);
});

test('without IPv6 in use nothing of IPv6 is read or written', t => {
  const keys = desireSysctls({...both, families: ['ipv4']}).map(({path}) => sysctlKey(path));
  t.true(keys.length > 0 && keys.every(key => key.startsWith('net.ipv4.')));
});

const filters: readonly (readonly [string, string, string])[] = [
  // all, the overlay's own, what it becomes
  ['0', '0', '0'],
  ['1', '0', '2'],
  ['0', '1', '2'],
  ['1', '1', '2'],
  ['2', '1', '1'],
  ['1', '2', '2'],
];

for (const [all, own, expected] of filters) {
  test(`rp_filter ${own} under all=${all} becomes ${expected} on the overlay`, async t => {
    const root = await createTree(t, {
      ...fresh,
      'net/ipv4/conf/all/rp_filter': all,
      'net/ipv4/conf/twill.4096/rp_filter': own,
    });
    await reconcileSysctls(openSysctls(root), desireSysctls(both));
    const path = join(root, 'net/ipv4/conf/twill.4096/rp_filter');
    t.is((await readFile(path, 'utf8')).trim(), expected);
  });
}

test('advertisements that were ignored, by either setting, stay ignored', async t => {
  for (const change of [
    {'net/ipv6/conf/all/forwarding': '1'},
    {'net/ipv6/conf/eth0/accept_ra': '0'},
  ]) {
    const root = await createTree(t, {...fresh, ...change});
    const {applied} = await reconcileSysctls(openSysctls(root), desireSysctls(both));
    t.false(applied.some(({key}) => key.endsWith('accept_ra')));
  }
});

test('an interface that is not there yet is nothing to report, a missing setting is', async t => {
  const root = await createTree(t, {'net/ipv4/ip_forward': '1'});
  const {failed} = await reconcileSysctls(openSysctls(root), desireSysctls(both));
  t.deepEqual(
    [...failed.keys()],
    ['net.ipv4.conf.default.forwarding', 'net.ipv6.conf.all.forwarding'],
  );
  t.is(failed.get('net.ipv6.conf.all.forwarding')?.code, 'ENOENT');
});

test('one setting that cannot be written does not stop the rest', async t => {
  const tree = openSysctls(await createTree(t, fresh));
  const kernel: SysctlKernel = {
    read: path => tree.read(path),
    async write(path, value) {
      if (path.at(-1) === 'ip_forward') throw new SysctlError(path, 'EROFS', 'read-only');
      await tree.write(path, value);
    },
  };
  const {applied, failed} = await reconcileSysctls(kernel, desireSysctls(both));
  t.is(applied.length, 5);
  t.deepEqual(
    [...failed].map(([key, {code}]) => [key, code]),
    [['net.ipv4.ip_forward', 'EROFS']],
  );
});

test('a value that does not take is reported', async t => {
  const tree = openSysctls(await createTree(t, fresh));
  const kernel: SysctlKernel = {read: path => tree.read(path), write: () => Promise.resolve()};
  const {failed} = await reconcileSysctls(kernel, desireSysctls(both));
  t.is(failed.get('net.ipv4.ip_forward')?.code, 'READBACK');
});

test('no name leads out of the tree, and nothing is created', async t => {
  const root = await createTree(t, {});
  const kernel = openSysctls(root);
  for (const name of ['..', 'a/b', '', '.', 'a\0b']) {
    const path = ['net', 'ipv4', 'conf', name, 'forwarding'];
    await t.throwsAsync(kernel.read(path), {instanceOf: SysctlError, code: 'EINVAL'});
  }
  await t.throwsAsync(kernel.write(['new'], '1'), {instanceOf: SysctlError, code: 'ENOENT'});
});

kernelTest('a real kernel forwards after one pass and needs no second', [], async t => {
  const scratch = await createScratch(t);
  await scratch.ip('link add eth0 type veth peer name twill.4096');
  await scratch.run('sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter']);
  const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const {reconcileSysctls} = await import(${module('./sysctls.js')});
    const {desireSysctls} = await import(${module('../desired/sysctls.js')});
    const {openSysctls} = await import(${module('../kernel/sysctl.js')});
    for (let pass = 0; pass < 2; pass++) {
      const report = await reconcileSysctls(openSysctls(), desireSysctls(${JSON.stringify(both)}));
      console.log(JSON.stringify([report.applied.map(({key, to}) => key + '=' + to), [...report.failed.keys()]]));
    }`;
  const output = await scratch.run(process.execPath, ['--input-type=module', '-e', script]);
  t.deepEqual(
    output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as unknown),
    [
      [
        [
          'net.ipv4.ip_forward=1', // which switches every interface and the default, too
          'net.ipv4.conf.twill/4096.rp_filter=2',
          'net.ipv6.conf.eth0.accept_ra=2',
          'net.ipv6.conf.all.forwarding=1',
        ],
        [],
      ],
      [[], []],
    ],
  );
});
