/*
 *    host a
 *   +------------------------------------------------------+
 *   | twill (the binary) <- bad stdin, bad CNI_*, bad netns |
 *   | twilld, pod p1 (sound), pod target (never attached)   |
 *   +------------------------------------------------------+
 *
 * Claim: whatever the CNI edge is fed, it answers with the right CNI error within 2 s, changes nothing
 * and writes nothing outside its state directory.
 */
import type {ExecutionContext} from 'ava';

import {type CniTarget, type PluginCall, runPlugin, type Verb} from './lab/cni.js';
import {stateDir} from './lab/daemon.js';
import {eventually} from './lab/eventually.js';
import type {Host} from './lab/host.js';
import {
  addPod,
  createCluster,
  endpointKey,
  endpointKeys,
  podsAreGone,
  prefix,
  resources,
} from './cluster.js';
import {type Lab, createLab} from './lab.js';
import {labTest} from './privileged.js';

const config = {cniVersion: '1.0.0', name: 'twill', type: 'twill', socket: '/run/twill/cni.sock'};
const sound = JSON.stringify(config);

interface BadCall {
  readonly name: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly code: number; // of CNI's error
  /** A pod whose configuration or namespace went bad must go away all the same. */
  readonly del?: 'succeeds';
}

const badInput: readonly BadCall[] = [
  {name: 'nothing', stdin: '', code: 6},
  {name: 'not JSON', stdin: 'hello', code: 6},
  {name: 'cut short', stdin: sound.slice(0, -1), code: 6},
  {name: 'two documents', stdin: sound + sound, code: 6},
  {name: 'a trailing comma', stdin: sound.replace('}', ',}'), code: 6},
  {
    name: 'octets that are no UTF-8',
    stdin: Buffer.from(sound.replace('"twill"', '"\xff"'), 'latin1'),
    code: 6,
  },
  {name: 'NUL octets', stdin: new Uint8Array(4096), code: 6},
  {name: 'an array', stdin: `[${sound}]`, code: 6},
  {name: 'null', stdin: 'null', code: 6},
  {name: '100 MiB', stdin: Buffer.alloc(100 << 20, ' '), code: 6},
  {name: '100 MiB of a string', stdin: `{"name": "${'a'.repeat(100 << 20)}"}`, code: 6},
  {name: 'depth 100,000', stdin: '['.repeat(100_000) + ']'.repeat(100_000), code: 6},
  {
    name: 'a deep field',
    stdin: withField('args', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`),
    code: 6,
  },
  {name: 'a duplicate key', stdin: sound.replace('{', '{"name": "other", '), code: 6},
  {name: 'cniVersion of no release', stdin: withField('cniVersion', '"9.9.9"'), code: 1},
  {
    name: 'cniVersion that is a number',
    stdin: withField('cniVersion', '1'),
    code: 6,
  },
  {name: 'name that is a number', stdin: withField('name', '5'), code: 6},
  {name: 'name with a path', stdin: withField('name', '"../../x"'), code: 7},
  {name: 'no name', stdin: JSON.stringify({...config, name: undefined}), code: 7},
  {name: 'type that is an object', stdin: withField('type', '{}'), code: 6},
  {name: 'runtimeConfig that is a list', stdin: withField('runtimeConfig', '[]'), code: 6},
  {
    name: 'ips that are no addresses',
    stdin: withField('runtimeConfig', '{"ips": ["x"]}'),
    code: 7,
    del: 'succeeds',
  },
  {
    name: 'ips that are a string',
    stdin: withField('runtimeConfig', '{"ips": "10.0.0.1"}'),
    code: 7,
    del: 'succeeds',
  },
  {
    name: 'mac that is none',
    stdin: withField('runtimeConfig', '{"mac": "zz"}'),
    code: 7,
    del: 'succeeds',
  },
  {
    name: 'mac of a group',
    stdin: withField('runtimeConfig', '{"mac": "01:00:5e:00:00:01"}'),
    code: 7,
    del: 'succeeds',
  },
  {name: 'prevResult that is a string', stdin: withField('prevResult', '"x"'), code: 6},
];

const badEnvironment: readonly BadCall[] = [
  ...['CNI_COMMAND', 'CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME'].map(name => ({
    name: `no ${name}`,
    env: {[name]: undefined},
    code: 4,
    ...(name === 'CNI_NETNS' && {del: 'succeeds' as const}),
  })),
  {name: 'unknown command', env: {CNI_COMMAND: 'ADDD'}, code: 4},
  ...['../../x', 'a/b', '-x', '', 'a\nb', 'ü', 'a'.repeat(4096)].map(value => ({
    name: `CNI_CONTAINERID ${JSON.stringify(value).slice(0, 20)}`,
    env: {CNI_CONTAINERID: value},
    code: 4,
  })),
  ...['../../x', 'a/b', '.', '..', '', 'a b', 'a:b', 'a\nb', 'a'.repeat(16), 'a'.repeat(4096)].map(
    value => ({
      name: `CNI_IFNAME ${JSON.stringify(value).slice(0, 20)}`,
      env: {CNI_IFNAME: value},
      code: 4,
    }),
  ),
  ...[
    'K8S_POD_NAME',
    '=',
    'a=b=c',
    ';;=;',
    `K8S_POD_NAME=${'x'.repeat(4096)}`,
    'K8S_POD_NAME=../../x',
  ].map(value => ({
    name: `CNI_ARGS ${JSON.stringify(value).slice(0, 24)}`,
    env: {CNI_ARGS: value},
    code: 4,
    ...(value.includes('/') && {del: 'succeeds' as const}),
  })),
];

const badNamespaces: readonly BadCall[] = [
  {name: 'a file', env: {CNI_NETNS: '/etc/passwd'}, code: 4, del: 'succeeds'},
  {name: 'a directory', env: {CNI_NETNS: '/run'}, code: 4, del: 'succeeds'},
  {name: 'a dead link', env: {CNI_NETNS: '/run/dead-link'}, code: 4, del: 'succeeds'},
  {name: 'nothing there', env: {CNI_NETNS: '/run/netns/nobody'}, code: 4, del: 'succeeds'},
  {name: 'a device', env: {CNI_NETNS: '/dev/zero'}, code: 4, del: 'succeeds'},
  {name: 'a pipe nobody writes', env: {CNI_NETNS: '/run/pipe'}, code: 4, del: 'succeeds'},
  {
    name: 'another kind of namespace',
    env: {CNI_NETNS: '/proc/self/ns/mnt'},
    code: 4,
    del: 'succeeds',
  },
  {name: "the host's own", env: {CNI_NETNS: '/proc/self/ns/net'}, code: 4, del: 'succeeds'},
  {
    name: "the host's own by another path",
    env: {CNI_NETNS: '/proc/1/ns/net'},
    code: 4,
    del: 'succeeds',
  },
  {
    name: 'a relative path',
    env: {CNI_NETNS: 'run/netns/../netns/nobody'},
    code: 4,
    del: 'succeeds',
  },
  {
    name: 'a path of 5,000 octets',
    env: {CNI_NETNS: `/${'x'.repeat(5000)}`},
    code: 4,
    del: 'succeeds',
  },
];

labTest('bad input is refused with the right code and changes nothing', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  const p1 = await addPod(a, 'p1');
  const recorded = async () => (await endpointKeys(lab)).includes(endpointKey(a, p1));
  await eventually(recorded, {withinMs: 5000, what: 'the record of p1'});
  const target = await a.pod('target');
  await a.run(['ln', '-s', '/run/nowhere', '/run/dead-link']);
  await a.run(['mkfifo', '/run/pipe']);
  const before = await everything(lab, a);
  for (const bad of [...badInput, ...badEnvironment, ...badNamespaces]) {
    for (const verb of ['ADD', 'CHECK', 'DEL'] as const) {
      await assertRefused(t, a, {verb, target, bad});
    }
  }
  for (const bad of badInput) {
    for (const verb of ['GC', 'STATUS'] as const) await assertRefused(t, a, {verb, target, bad});
  }
  t.deepEqual(await everything(lab, a), before);
  t.is((await a.cni('ADD', target)).exitCode, 0, 'the daemon serves on');
  t.is((await a.cni('DEL', target)).exitCode, 0);
});

labTest('standard input that is never closed is answered within 2 s', async t => {
  const lab = await createCluster(t, {hosts: ['a']});
  const a = lab.host('a');
  const target = await a.pod('target');
  for (const [verb, input] of [
    ['ADD', ''],
    ['ADD', sound],
    ['DEL', sound.slice(0, 20)],
    ['VERSION', '{'],
  ] as const) {
    const startMs = performance.now();
    const plugin = a.namespace.start(['/opt/cni/bin/twill'], {
      env: {
        ...{CNI_COMMAND: verb, CNI_CONTAINERID: target.containerId, CNI_NETNS: target.netns},
        ...{CNI_IFNAME: 'eth0', CNI_PATH: '/opt/cni/bin'},
      },
    });
    plugin.write(input);
    const exitCode = await plugin.exited;
    const said = plugin.lines.join('\n');
    t.true(performance.now() - startMs < 2000, `${verb}: ${said}`);
    if (verb === 'VERSION') continue; // which may answer without it
    t.not(exitCode, 0, said);
    t.is((JSON.parse(said) as {code: number}).code, 5, said);
  }
  t.is((await a.cni('ADD', target)).exitCode, 0, 'the control: closed, it is served');
});

labTest('a DEL with hostile input and no daemon writes nothing but its own tombstone', async t => {
  const lab = await createLab(t, {hosts: ['a']});
  const a = lab.host('a');
  const target = await a.pod('target');
  const tombstones = `${stateDir}/pending-del/`;
  let before = await a.writtenFiles();
  for (const bad of [...badInput, ...badEnvironment]) {
    const options = {...(bad.env && {env: bad.env})};
    const call = {verb: 'DEL', target, stdin: bad.stdin ?? sound, options};
    const {exitCode, stdout, elapsedMs} = await runPlugin(a.namespace, 'twill', call);
    const after = await a.writtenFiles();
    const written = after.filter(path => !before.includes(path));
    const own = written.filter(path => path.startsWith(`${tombstones}${target.containerId}.eth0.`));
    // a runtime must be able to get rid of a pod whose configuration went bad meanwhile
    t.deepEqual(written, exitCode === 0 ? own : [], `${bad.name}: ${stdout}`);
    t.true(elapsedMs < 2000, `${bad.name}: ${elapsedMs} ms`);
    before = after;
  }
  t.true(before.some(path => path.startsWith(tombstones)));

  await lab.apply(resources());
  await a.startDaemon();
  t.deepEqual(
    (await a.writtenFiles()).filter(path => path.startsWith(tombstones)),
    [],
  );
  t.is((await a.cni('ADD', target)).exitCode, 0, 'what was replayed does not stand in the way');
});

labTest(
  'a namespace that is swapped while ADD runs is either attached whole or not at all',
  async t => {
    const lab = await createCluster(t, {hosts: ['a']});
    const a = lab.host('a');
    const [one, two, three] = await a.createPods(['one', 'two', 'three']);
    if (!one || !two || !three) throw new Error('three pods were asked for');
    const env = {CNI_NETNS: '/run/swapped'};
    const swap = a.namespace.start([
      'sh',
      '-c',
      `while :; do
       for pod in one two nobody; do ln -sf /run/netns/$pod /run/next; mv -T /run/next /run/swapped; done
     done`,
    ]);
    for (let round = 0; round < 30; round++) {
      const {exitCode, failure, result, stdout} = await a.cni('ADD', three, {env});
      const held = await Promise.all(
        [one, two].map(pod => pod.ip('-o -4 address show dev eth0').catch(() => '')),
      );
      const holders = held.filter(text => text !== '');
      if (exitCode === 0) {
        t.is(holders.length, 1, `round ${round}`);
        t.true(holders[0]?.includes(result?.ips?.[0]?.address ?? '?'));
      } else {
        t.true([3, 4].includes(failure?.code ?? 0), stdout);
        t.deepEqual(holders, []);
      }
      // the path may name either now, or none: DEL takes the attachment down wherever it is
      t.is((await a.cni('DEL', three, {env})).exitCode, 0);
      await t.notThrowsAsync(podsAreGone(a));
    }
    await swap.kill();
  },
);

interface Attempt {
  readonly verb: Verb;
  readonly target: CniTarget;
  readonly bad: BadCall;
}

async function assertRefused(t: ExecutionContext, host: Host, attempt: Attempt): Promise<void> {
  const {verb, target, bad} = attempt;
  const isNew = verb === 'GC' || verb === 'STATUS'; // there since 1.1.0
  const input = bad.stdin ?? sound;
  const stdin = typeof input === 'string' && isNew ? input.replace('1.0.0', '1.1.0') : input;
  const call: PluginCall = {verb, target, stdin, options: {...(bad.env && {env: bad.env})}};
  const outcome = await runPlugin(host.namespace, 'twill', call);
  const {exitCode, failure, elapsedMs, stdout, stderr} = outcome;
  const said = `${verb}, ${bad.name}: ${stdout.slice(0, 300)}${stderr.slice(0, 300)}`;
  t.true(elapsedMs < 2000, `${said} ${elapsedMs} ms`);
  if (verb === 'DEL' && bad.del === 'succeeds') return void t.is(exitCode, 0, said);
  t.not(exitCode, 0, said);
  t.is(failure?.code, bad.code, said);
  t.true((failure?.msg.length ?? 0) > 0, said);
}

/** State that a refused call must not change. */
async function everything(lab: Lab, host: Host): Promise<object> {
  const dumps = [
    'ip -o link show',
    'ip -4 route show table all',
    'ip -6 route show proto 84',
    'ip neigh show nud permanent',
  ];
  const texts = await Promise.all(dumps.map(dump => host.run(dump.split(' '))));
  const files = await host.writtenFiles();
  return {
    kernel: texts.map(({stdout}) => stdout),
    files,
    journal: (await host.run(['cat', `${stateDir}/ipam.journal`], {mayFail: true})).stdout,
    usage: (await host.twillctl(['ipam', 'show'])).stdout.replace(/ \S+$/gm, ''), // AGE
    records: await lab.etcd.list(prefix),
  };
}

function withField(name: string, json: string): string {
  const rest = Object.entries({...config, [name]: undefined}).filter(
    ([, value]) => value !== undefined,
  );
  return `{${rest.map(([key, value]) => `"${key}":${JSON.stringify(value)},`).join('')}"${name}":${json}}`;
}
