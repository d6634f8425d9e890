import test from 'ava';
import fc from 'fast-check';
import type {Change} from './apply-plan.js';
import {runApply} from './apply.js';
import type {Store, Terminal} from './command.js';
import {CommandError} from './error.js';
import {parseManifests} from './manifest.js';
import {run} from './run.js';
import {formatAge, formatTable} from './table.js';

function createTerminal(env: Terminal['env'] = {}) {
  const written = {out: '', err: ''};
  const terminal: Terminal = {
    env,
    out: text => void (written.out += text),
    err: text => void (written.err += text),
    readStdin: () => Promise.resolve(''),
    now: () => 0,
  };
  return {terminal, written};
}

/** What is typed, and how stderr begins. */
const misuses: readonly (readonly [string, string])[] = [
  ['', 'Usage: twillctl'],
  ['gte pools', "Error: unknown command 'gte'"],
  ['get', "Error: missing required argument 'kind'"],
  ['get poools', 'Error: unknown kind "poools"; did you mean pools?'],
  ['get secrets', 'Error: unknown kind "secrets"; kinds are networks, pools'],
  ['get pool/', 'Error: expected KIND NAME or KIND/NAME'],
  ['get pool/a b', 'Error: expected KIND NAME or KIND/NAME'],
  ['get pools -o toml', "Error: option '-o, --output <format>' argument 'toml' is invalid"],
  ['get netpol a -A', 'Error: a name cannot be looked up in all namespaces'],
  ['get pools --frobnicate', "Error: unknown option '--frobnicate'"],
  ['get pools --etcd nonsense', 'Error: --etcd: expected http://HOST:PORT, got "nonsense"'],
  ['get pools --prefix twill', 'Error: --prefix: expected a key such as /twill/v1'],
  ['get pools --etcd-username a', 'Error: --etcd-username and --etcd-password-file: expected both'],
  ['get pools --etcd-cert-file /dev/null', 'Error: --etcd-cert-file and --etcd-key-file: expected'],
  ['apply', "Error: required option '-f, --filename <file>' not specified"],
  ['delete', 'Error: expected either KIND NAME or -f FILE'],
  ['delete pool', 'Error: expected the NAME of what to delete'],
  ['delete pool a -f x', 'Error: expected either KIND NAME or -f FILE'],
  ['node', 'Usage: twillctl node'],
  ['bgp', 'Usage: twillctl bgp'],
  ['bgp advertised', "Error: missing required argument 'peer'"],
  ['bgp routes --family ipx', "Error: option '--family <family>' argument 'ipx' is invalid"],
  ['bgp routes --limit -1', "Error: option '--limit <n>' argument '-1' is invalid"],
  ['node status --node-api x', 'Error: --node-api: expected http://HOST:PORT, got "x"'],
];

for (const [line, expected] of misuses) {
  test(`\`twillctl ${line}\` is a usage error`, async t => {
    const {terminal, written} = createTerminal();
    t.is(await run(line.split(' ').filter(Boolean), terminal), 2);
    t.true(written.err.startsWith(expected), written.err);
    t.is(written.out, '');
  });
}

/** What is typed, and how stderr begins. */
const failures: readonly (readonly [string, string])[] = [
  ['apply -f /nonexistent', 'Error: ENOENT: no such file or directory'],
  ['apply -f -', 'Error: no documents in -'],
  ['get pools --etcd http://127.0.0.1:1', 'Error: etcd list'],
  ['get pools --etcd-ca-file /nonexistent', 'Error: ENOENT'],
  ['node status --node-api http://127.0.0.1:1', 'Error: cannot ask twilld at http://127.0.0.1:1'],
  ['bgp peers --node-api http://127.0.0.1:1', 'Error: cannot ask twilld at http://127.0.0.1:1'],
];

for (const [line, expected] of failures) {
  test(`\`twillctl ${line}\` fails with 1`, async t => {
    const {terminal, written} = createTerminal();
    t.is(await run(line.split(' '), terminal), 1);
    t.true(written.err.startsWith(expected), written.err);
  });
}

test('help is no error', async t => {
  const {terminal, written} = createTerminal();
  t.is(await run(['--help'], terminal), 0);
  t.is(await run(['get', '--help'], terminal), 0);
  t.regex(written.out, /^Usage: twillctl /);
  t.is(written.err, '');
});

test('ages are rounded as kubectl rounds them', t => {
  const minute = 60;
  const hour = 60 * minute;
  const known: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [119, '119s'],
    [2 * minute, '2m'],
    [2 * minute + 5, '2m5s'],
    [10 * minute + 5, '10m'],
    [179 * minute, '179m'],
    [3 * hour, '3h'],
    [3 * hour + 60, '3h1m'],
    [9 * hour, '9h'],
    [49 * hour, '2d1h'],
    [240 * hour, '10d'],
  ];
  for (const [seconds, text] of known)
    t.is(formatAge(new Date(0).toISOString(), seconds * 1000), text);
  t.is(formatAge(undefined, 0), '<unknown>');
  t.is(formatAge('never', 0), '<unknown>');
  t.is(formatAge('2026-01-01T00:00:00Z', 0), '0s', 'a clock that is behind makes nothing negative');
});

test('a table cannot be made to write on the terminal', t => {
  t.is(
    formatTable(
      ['A', 'B'],
      [
        ['\u001b[2J', ''],
        ['x\ny', 'z'],
      ],
    ),
    'A      B\n?[2J   <none>\nx?y    z\n',
  );
});

test('broken YAML is told by file and line', async t => {
  const error = await t.throwsAsync(parseManifests('a: 1\n---\nb: [\n', 'x.yaml'), {
    instanceOf: CommandError,
  });
  t.regex(error.message, /^x\.yaml:[34]: /);
  await t.throwsAsync(parseManifests('a: *nothing\n', 'x.yaml'), {instanceOf: CommandError});
  t.deepEqual(await parseManifests('# nothing\n---\n---\n', 'x.yaml'), []);
});

test('the items of a List keep their own lines', async t => {
  const text =
    'kind: List\nitems:\n- kind: Pool\n  metadata:\n    name: a\n- kind: Pool\n  spec: 1\n';
  const [first, second] = await parseManifests(text, 'x.yaml');
  t.deepEqual(first?.value, {kind: 'Pool', metadata: {name: 'a'}});
  t.is(first?.placeOf(['metadata', 'name']), 'x.yaml:5');
  t.is(second?.placeOf(['spec', 'cidr']), 'x.yaml:7');
});

test('no text makes reading documents fail with anything but a CommandError', async t => {
  const line = fc.oneof(
    fc.constantFrom(
      'kind: List',
      'items: *a',
      'items: [&a 1, *a]',
      '---',
      '- x',
      '? y',
      '<<: 1',
      'items: [~]',
    ),
    fc.string(),
  );
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(fc.array(line, {maxLength: 6}), async lines => {
        try {
          for (const {placeOf} of await parseManifests(lines.join('\n'), 'x'))
            placeOf(['spec', 0, 'a']);
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
        }
      }),
      {numRuns: 500},
    ),
  );
});

/** etcd as one map, in which another writer gets in between `interruptions` times. */
function createStore(interruptions: number) {
  const values = new Map<string, {value: string; modRevision: number}>();
  let revision = 1;
  const etcd = {
    list: () =>
      Promise.resolve({revision, entries: [...values].map(([key, entry]) => ({key, ...entry}))}),
    transact(compare: readonly Change[], puts: readonly Change[]) {
      if (interruptions-- > 0) {
        values.set(puts[0]?.key ?? '', {value: '{}', modRevision: ++revision});
      }
      const succeeded = compare.every(
        ({key, modRevision}) => (values.get(key)?.modRevision ?? 0) === modRevision,
      );
      if (succeeded)
        for (const {key, value} of puts) values.set(key, {value, modRevision: ++revision});
      return Promise.resolve({succeeded});
    },
  };
  return {values, store: {etcd, prefix: '/p'} as unknown as Store};
}

const pool =
  '{apiVersion: twill.io/v1, kind: Pool, metadata: {name: a}, spec: {cidr: 10.0.0.0/16}}';

test('an apply that somebody else overtakes is planned again, and gives up in the end', async t => {
  const manifests = await parseManifests(pool, 'x.yaml');
  const once = createStore(1);
  const {terminal, written} = createTerminal();
  await runApply(once.store, terminal, manifests, {});
  t.is(written.out, 'pool/a configured\n');
  t.regex(once.values.get('/p/resources/pool/a')?.value ?? '', /10\.0\.0\.0/);

  const always = createStore(99);
  await t.throwsAsync(runApply(always.store, terminal, manifests, {}), {code: 'COMMAND'});
});

test('a record given twice in one apply is refused', async t => {
  const manifests = await parseManifests(`${pool}\n---\n${pool}`, 'x.yaml');
  const error = await t.throwsAsync(
    runApply(createStore(0).store, createTerminal().terminal, manifests, {}),
    {
      instanceOf: CommandError,
    },
  );
  t.is(error.message, 'x.yaml:3: Pool a: given before, at x.yaml:1');
});

test('an apply of many records is written in several transactions', async t => {
  const text = Array.from(
    {length: 250},
    (_, i) => `{apiVersion: twill.io/v1, kind: Namespace, metadata: {name: n${i}}}`,
  ).join('\n---\n');
  const {store, values} = createStore(0);
  await runApply(store, createTerminal().terminal, await parseManifests(text, 'x.yaml'), {});
  t.is(values.size, 250);
});
