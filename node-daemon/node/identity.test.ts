import {mkdtemp, readFile, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test, {type ExecutionContext} from 'ava';
import {IdentityError, readBootId, readNodeUid} from './identity.js';

async function createDir(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'twill-identity-'));
  t.teardown(() => rm(dir, {recursive: true}));
  return dir;
}

test('the first start makes an identity, the next ones keep it', async t => {
  const dir = join(await createDir(t), 'not', 'there', 'yet');
  const uid = await readNodeUid(dir);
  t.regex(uid, /^[0-9a-f-]{36}$/);
  t.is(await readNodeUid(dir), uid);
  t.deepEqual(await readdir(dir), ['node-uid']);
});

test('of many that start at once all get the same identity', async t => {
  const dir = await createDir(t);
  const uids = await Promise.all(Array.from({length: 20}, () => readNodeUid(dir)));
  t.is(new Set(uids).size, 1);
  t.deepEqual(await readdir(dir), ['node-uid']);
});

for (const [title, text] of [
  ['empty', ''],
  ['cut short', '0b54ea5c-29be-4a5c'],
  ['followed by something', '0b54ea5c-29be-4a5c-9f0e-3f6f3a1d2c4b x'],
  ['in upper case', '0B54EA5C-29BE-4A5C-9F0E-3F6F3A1D2C4B'],
  ['full of zero bytes', '\0'.repeat(37)],
] as const) {
  test(`an identity that is ${title} is an error that names the file, and is left as it is`, async t => {
    const dir = await createDir(t);
    const file = join(dir, 'node-uid');
    await writeFile(file, text);
    const error = await t.throwsAsync(readNodeUid(dir), {
      instanceOf: IdentityError,
      code: 'CORRUPT',
    });
    t.true(error.message.startsWith(`${file}: `));
    t.is(await readFile(file, 'utf8'), text);
  });
}

test('a state directory that cannot be one is said so', async t => {
  const file = join(await createDir(t), 'file');
  await writeFile(file, '');
  const error = await t.throwsAsync(readNodeUid(file), {instanceOf: IdentityError});
  t.is(error.code, 'UNREADABLE');
});

test('the boot id is read, and missed where there is none', async t => {
  t.regex(await readBootId(), /^[0-9a-f-]{36}$/);
  await t.throwsAsync(readBootId(join(await createDir(t), 'boot_id')), {
    instanceOf: IdentityError,
    code: 'UNREADABLE',
  });
});
