import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import test, {type ExecutionContext} from 'ava';
import {AddressBook} from '../address-book.js';

/*
 * Claim: a process killed at any moment, on a real file system, leaves a journal that still knows
 * every address it had said was given out, and gives none of them to anybody else.
 */
const child = fileURLToPath(new URL('./crash-child.js', import.meta.url));

async function dirFor(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'twill-crash-'));
  t.teardown(() => rm(dir, {recursive: true, force: true}));
  return dir;
}

/** Reads what a child said. @returns who holds what for sure. @throws on a second holder. */
function heldAfter(lines: readonly string[]): ReadonlyMap<string, string> {
  const held = new Map<string, string>();
  for (const line of lines) {
    const [sign, container = '', address = ''] = line.split(' ');
    if (sign === '-') {
      for (const [each, holder] of held) if (holder === container) held.delete(each);
    } else if (sign === '+') {
      const holder = held.get(address);
      if (holder !== undefined && holder !== container) {
        throw new RangeError(`${address} has two holders: ${holder} and ${container}`);
      }
      held.set(address, container);
    }
  }
  return held;
}

async function checkBook(t: ExecutionContext, dir: string, held: ReadonlyMap<string, string>) {
  const book = await AddressBook.open({dir, bootId: 'boot', now: () => 'now'});
  t.false(book.recovery.inDoubt);
  const known = new Map(book.list().map(a => [a.addresses[0], a.containerId]));
  for (const [address, container] of held) t.is(known.get(address), container);
  await book.close();
  return book.recovery;
}

test('kill -9 at 15 random moments, one after the other on the same journal', async t => {
  const dir = await dirFor(t);
  let given = 0;
  for (let kill = 0; kill < 15; kill++) {
    const victim = spawn(process.execPath, [child, dir], {stdio: ['ignore', 'pipe', 'inherit']});
    const chunks: Buffer[] = [];
    victim.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(victim.stdout, 'data');
    await new Promise(resolve => setTimeout(resolve, Math.random() * 60));
    victim.kill('SIGKILL');
    await once(victim, 'close');
    const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
    given += lines.filter(line => line.startsWith('+')).length;
    await checkBook(t, dir, heldAfter(lines));
  }
  t.log(`${given} addresses given out`);
  t.true(given > 100);
});

/** Runs the child under strace; false when strace is not there or may not trace here. */
function trace(dir: string, inject: string, rounds: string) {
  const syscall = inject.split(':')[0]!;
  const args = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${syscall}`, '-e', `inject=${inject}`];
  const env = {...process.env, UV_THREADPOOL_SIZE: '1'}; // strace counts each thread by itself
  const run = spawnSync('strace', [...args, process.execPath, child, dir, rounds], {env});
  return {lines: run.stdout.toString().split('\n').slice(0, -1), killed: run.signal === 'SIGKILL'};
}

const straceWorks = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const traced = straceWorks ? test : test.skip; // needs strace and the right to trace

traced('killed at the n-th fdatasync, fsync or rename', async t => {
  let kills = 0;
  for (const syscall of ['fdatasync', 'fsync', 'rename']) {
    for (const when of syscall === 'fdatasync' ? [1, 2, 3, 7] : [1, 2]) {
      const dir = await dirFor(t);
      const {lines, killed} = trace(dir, `${syscall}:signal=SIGKILL:when=${when}`, '4');
      if (killed) kills++;
      await checkBook(t, dir, heldAfter(lines));
    }
  }
  t.log(`${kills} kills`);
  t.true(kills >= 5);
});

traced('fdatasync that fails refuses that batch only, and the journal goes on', async t => {
  const dir = await dirFor(t);
  const {lines} = trace(dir, 'fdatasync:error=EIO:when=3', '6');
  const refused = lines.filter(line => line === '! EIO').length;
  t.true(refused > 0 && refused <= 16, `${refused} refused`);
  t.true(lines.lastIndexOf('! EIO') < lines.length - 10, 'later ones were served');
  await checkBook(t, dir, heldAfter(lines.filter(line => !line.startsWith('!'))));
});

test('control: a second holder is noticed', t => {
  t.throws(() => heldAfter(['+ a 10.0.0.1', '+ b 10.0.0.1']), {instanceOf: RangeError});
  t.notThrows(() => heldAfter(['+ a 10.0.0.1', '- a', '+ b 10.0.0.1']));
});
