/** The programs around the lab say at once what is wrong with their arguments, before they run for minutes. */
import test from 'ava';

import {run} from './lab/process.js';
import {fromRoot} from './lab/programs.js';

interface Program {
  readonly path: string;
  readonly usage: RegExp;
  readonly refused: readonly (readonly [argv: readonly string[], words: RegExp])[];
}

const programs: Readonly<Record<string, Program>> = {
  bench: {
    path: 'dist/bench/main.js',
    usage: /^Usage: .*--only/,
    refused: [
      [['--onyl', 'cni'], /Unknown option '--onyl'/],
      [['--only', 'cni,pods'], /--only: there is no section 'pods'; there are cni, /],
      [['--only', ''], /--only: there is no section ''/],
      [['--rounds', 'x'], /--rounds: expected a whole number from 1, got 'x'/],
      [['--rounds', '0'], /--rounds: expected a whole number from 1, got '0'/],
      [['--settle', '1.5'], /--settle: expected a whole number from 1, got '1.5'/],
      [['--state', ''], /--state: expected a directory/],
      [['--json', '/nonexistent/all.json'], /--json: ENOENT/],
      [['cni'], /Unexpected argument 'cni'/],
    ],
  },
  demo: {
    path: 'dist/e2e/demo.js',
    usage: /^Usage: .*--keep.*--fabric/,
    refused: [
      [['--fabric=ring'], /fabric: expected vxlan or bgp, got 'ring'/],
      [['--fabric'], /'--fabric <value>' argument missing/],
      [['--kept'], /Unknown option '--kept'/],
      [['vxlan'], /Unexpected argument 'vxlan'/],
    ],
  },
  campaign: {
    path: 'dist/e2e/campaign.js',
    usage: /^Usage: .*--seed.*--steps/,
    refused: [
      [['--steps', 'many'], /--steps: expected a whole number from 1, got 'many'/],
      [['--steps', '0'], /--steps: expected a whole number from 1, got '0'/],
      [['--seed', 'x'], /--seed: expected a whole number from 1, got 'x'/],
      [['--step', '3'], /Unknown option '--step'/],
    ],
  },
};

for (const [name, {path, usage, refused}] of Object.entries(programs)) {
  const start = (argv: readonly string[]) =>
    run([process.execPath, fromRoot(path), ...argv], {mayFail: true, timeoutMs: 10_000});

  test(`${name} --help says how it is used`, async t => {
    const {code, stdout} = await start(['--help']);
    t.is(code, 0);
    t.regex(stdout, usage);
  });

  for (const [argv, words] of refused) {
    test(`${name} ${argv.join(' ')} is refused, with the usage`, async t => {
      const {code, stdout, stderr} = await start(argv);
      t.is(code, 2);
      t.is(stdout, '');
      t.regex(stderr, words);
      t.regex(stderr, /^Usage: /m);
      t.notRegex(stderr, /^ +at /m); // no stack trace
    });
  }
}
