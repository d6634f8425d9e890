/** The bench says at once what is wrong with its arguments, before it measures for minutes. */
import test from 'ava';

import {run} from './lab/process.js';
import {fromRoot} from './lab/programs.js';

const program = fromRoot('dist/bench/main.js');
const bench = (argv: readonly string[]) =>
  run([process.execPath, program, ...argv], {mayFail: true, timeoutMs: 10_000});

test('--help says how it is used', async t => {
  const {code, stdout} = await bench(['--help']);
  t.is(code, 0);
  t.regex(stdout, /^Usage: .*--only/);
});

const refused: readonly (readonly [argv: readonly string[], words: RegExp])[] = [
  [['--onyl', 'cni'], /Unknown option '--onyl'/],
  [['--only', 'cni,pods'], /--only: there is no section 'pods'; there are cni, /],
  [['--only', ''], /--only: there is no section ''/],
  [['--rounds', 'x'], /--rounds: expected a whole number from 1, got 'x'/],
  [['--rounds', '0'], /--rounds: expected a whole number from 1, got '0'/],
  [['--settle', '1.5'], /--settle: expected a whole number from 1, got '1.5'/],
  [['--state', ''], /--state: expected a directory/],
  [['--json', '/nonexistent/all.json'], /--json: ENOENT/],
  [['cni'], /Unexpected argument 'cni'/],
];

for (const [argv, words] of refused) {
  test(`${argv.join(' ')} is refused, with the usage`, async t => {
    const {code, stdout, stderr} = await bench(argv);
    t.is(code, 2);
    t.is(stdout, '');
    t.regex(stderr, words);
    t.regex(stderr, /^Usage: /m);
    t.notRegex(stderr, /^ +at /m); // no stack trace
  });
}
