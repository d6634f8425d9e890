/** The import table of docs/architecture.md, asserted. It greps; that an import resolves is tsc's to say. */
import {readFileSync, readdirSync} from 'node:fs';
import {dirname, join} from 'node:path';
import test from 'ava';

const root = join(import.meta.dirname, '..'); // this runs from dist/

/** A folder imports itself and what stands behind it. For a file the longest folder counts. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'native-addon': [],
  ipam: [],
  'cni-plugin': ['native-addon', 'ipam'],
  'node-daemon': ['native-addon', 'ipam', 'cni-plugin'],
  'node-daemon/bgp-fsm': [],
  'node-daemon/datastore/records': ['ipam', 'node-daemon/bgp-fsm/policy'],
  twillctl: [
    'ipam',
    'node-daemon/bgp/api',
    'node-daemon/datastore/records',
    'node-daemon/http/client',
    'node-daemon/http/status',
  ],
  install: [],
  e2e: [],
  bench: ['e2e/lab', 'e2e/bgp/lab', 'e2e/privileged', 'node-daemon/bgp-fsm'],
};

/** The API's tests need somebody who serves it. */
const testsMayImport: Readonly<Record<string, readonly string[]>> = {
  twillctl: ['node-daemon/http/server'],
};

const pureFile = /^node-daemon\/(desired|bgp-fsm)\/|(^|[/-])(plan|transition)\.ts$/;
const impureModule =
  /^(node:)?(fs|net|dgram|http|https|tls|child_process|timers|worker_threads)(\/|$)|^(pino|etcd3|prom-client)$/;

/** What is wrong with this import; undefined when nothing is. */
function faultOf(file: string, specifier: string): string | undefined {
  const isTest = file.endsWith('.test.ts');
  if (!isTest && pureFile.test(file) && impureModule.test(specifier)) return 'is pure';
  const target = targetOf(file, specifier);
  if (target === undefined) return undefined;
  const folder = folderOf(file);
  const inTests = isTest ? testsMayImport[folder] : undefined;
  const allowed = [folder, ...(mayImport[folder] ?? []), ...(inTests ?? [])];
  const isNested = folderOf(target).startsWith(`${folder}/`); // a leaf inside us
  return isNested || allowed.some(path => isAt(target, path)) ? undefined : 'may not';
}

/** Path from the root of what is imported; undefined for packages. */
function targetOf(file: string, specifier: string): string | undefined {
  if (specifier === '#bgp-fsm') return 'node-daemon/bgp-fsm/index.js';
  if (specifier.startsWith('#')) return `${specifier.slice(1)}/index.js`;
  return specifier.startsWith('.') ? join(dirname(file), specifier) : undefined;
}

function folderOf(path: string): string {
  const folders = Object.keys(mayImport).filter(folder => isAt(path, folder));
  return folders.sort((a, b) => b.length - a.length)[0] ?? '';
}

function isAt(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) || path.replace(/\.[jt]s$/, '') === folder;
}

const files = Object.keys(mayImport)
  .filter(folder => !folder.includes('/'))
  .flatMap(folder =>
    readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'}).map(name =>
      join(folder, name),
    ),
  );

test('every import is in the table, and pure files import nothing that acts', t => {
  let seen = 0;
  for (const file of files.filter(name => name.endsWith('.ts'))) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      seen++;
      const fault = faultOf(file, specifier);
      t.is(fault, undefined, `${file} ${fault} and imports ${specifier}`);
    }
  }
  t.true(seen > 300, `only ${seen} imports were seen`);
});

test('no drawer is called utils, common, helpers or shared', t => {
  const drawers = files.filter(file => /(^|\/)(utils?|common|helpers?|shared)(\/|\.|$)/.test(file));
  t.deepEqual(drawers, []);
});

const control: readonly (readonly [string, string, boolean])[] = [
  ['ipam/range.ts', '#native-addon', false],
  ['native-addon/clock.ts', '../ipam/index.js', false],
  ['cni-plugin/add.ts', '../node-daemon/main.js', false],
  ['node-daemon/bgp-fsm/wire/nlri.ts', '../../state/state.js', false],
  ['node-daemon/main.ts', '#bgp-fsm', true],
  ['node-daemon/main.ts', '../e2e/lab.js', false],
  ['twillctl/main.ts', '../node-daemon/http/server.js', false],
  ['twillctl/main.ts', '../node-daemon/http/client.js', true],
  ['twillctl/main.ts', '#native-addon', false],
  ['e2e/demo.ts', '../ipam/index.js', false],
  ['bench/main.ts', '../e2e/lab/host.js', true],
  ['node-daemon/desired/routes.ts', 'node:fs/promises', false],
  ['node-daemon/reconcile/nat-plan.ts', 'pino', false],
  ['node-daemon/reconcile/nat.ts', 'node:fs', true],
];

for (const [file, specifier, allowed] of control) {
  test(`control: ${file} ${allowed ? 'may' : 'may not'} import ${specifier}`, t => {
    t.is(faultOf(file, specifier) === undefined, allowed);
  });
}
