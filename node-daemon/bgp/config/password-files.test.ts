import {mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import type {PasswordRead} from './input.js';
import {PasswordFiles, readPassword} from './password-files.js';

async function createFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'twill-password-'));
  t.teardown(() => rm(folder, {recursive: true, force: true}));
  return folder;
}

/** A watch, and what it says of a file once that meets a condition. */
function createWatch(t: ExecutionContext, pollMs?: number) {
  let changed: () => void = () => undefined;
  const files = new PasswordFiles({
    onChange: () => changed(),
    ...(pollMs !== undefined && {pollMs}),
  });
  t.teardown(() => files.close());
  const alive = setInterval(() => undefined, 1000); // neither watch nor look keeps a process
  t.teardown(() => clearInterval(alive));
  const until = async (file: string, isIt: (read: PasswordRead) => boolean) => {
    for (;;) {
      const read = files.passwords.get(file);
      if (read !== undefined && isIt(read)) return read;
      await new Promise<void>(resolve => (changed = resolve));
    }
  };
  return {files, until};
}

const is = (password: string) => (read: PasswordRead) =>
  read.kind === 'ok' && read.password === password && read.problem === undefined;

test('a password is the one line of a file', async t => {
  const file = join(await createFolder(t), 'key');
  const known: readonly (readonly [string, PasswordRead])[] = [
    ['orange', {kind: 'ok', password: 'orange'}],
    ['orange\n', {kind: 'ok', password: 'orange'}],
    ['orange\r\n', {kind: 'ok', password: 'orange'}],
    [' two words ', {kind: 'ok', password: ' two words '}],
    ['x'.repeat(80), {kind: 'ok', password: 'x'.repeat(80)}],
    [`${'x'.repeat(80)}\n`, {kind: 'ok', password: 'x'.repeat(80)}],
    ['', {kind: 'unreadable', problem: 'it is empty'}],
    ['\n', {kind: 'unreadable', problem: 'it is empty'}],
    ['x'.repeat(81), {kind: 'unreadable', problem: 'expected one line of at most 80 octets'}],
    ['x'.repeat(9999), {kind: 'unreadable', problem: 'expected one line of at most 80 octets'}],
    ['a\nb', {kind: 'unreadable', problem: 'expected one line of at most 80 octets'}],
  ];
  for (const [text, expected] of known) {
    await writeFile(file, text);
    t.deepEqual(await readPassword(file), expected, JSON.stringify(text.slice(0, 20)));
  }
  await unlink(file);
  t.deepEqual(await readPassword(file), {kind: 'unreadable', problem: 'there is no such file'});
  t.is((await readPassword('/')).kind, 'unreadable');
});

test('a change is noticed, by write, by rename, and under a turned link', async t => {
  const folder = await createFolder(t);
  const file = join(folder, 'key');
  const {files, until} = createWatch(t);
  await writeFile(file, 'one');
  files.want([file]);
  await until(file, is('one'));

  await writeFile(file, 'two\n');
  await until(file, is('two'));

  await writeFile(`${file}.new`, 'three');
  await rename(`${file}.new`, file);
  await until(file, is('three'));

  // As kubelet lays out a Secret: key -> ..data/key, ..data -> ..1
  for (const [at, text] of ['four', 'five'].entries()) {
    await mkdir(join(folder, `..${at}`));
    await writeFile(join(folder, `..${at}`, 'key'), text);
    await symlink(`..${at}`, join(folder, '..new'));
    await rename(join(folder, '..new'), join(folder, '..data'));
    if (at === 0) {
      await unlink(file);
      await symlink('..data/key', file);
    }
    await until(file, is(text));
  }
  t.pass();
});

test('a file that is gone or empty keeps the password before, and says so', async t => {
  const file = join(await createFolder(t), 'key');
  const {files, until} = createWatch(t);
  await writeFile(file, 'one');
  files.want([file]);
  await until(file, is('one'));
  await unlink(file);
  const gone = await until(file, read => read.kind === 'ok' && read.problem !== undefined);
  t.deepEqual(gone, {kind: 'ok', password: 'one', problem: 'there is no such file'});
  await writeFile(file, 'two');
  await until(file, is('two'));
});

test('a folder that comes later is found by the slow look', async t => {
  const folder = join(await createFolder(t), 'later');
  const file = join(folder, 'key');
  const {files, until} = createWatch(t, 20);
  files.want([file]);
  await until(file, read => read.kind === 'unreadable');
  await mkdir(folder);
  await writeFile(file, 'one');
  await until(file, is('one'));
  await writeFile(file, 'two');
  await until(file, is('two'));
  t.pass();
});

test('what is wanted no more is forgotten', async t => {
  const folder = await createFolder(t);
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  await writeFile(one, 'one');
  await writeFile(two, 'two');
  const {files, until} = createWatch(t);
  files.want([one, two]);
  await until(one, is('one'));
  await until(two, is('two'));
  files.want([two]);
  t.deepEqual([...files.passwords.keys()], [two]);
  files.want([one, two]);
  await until(one, is('one'));
});
