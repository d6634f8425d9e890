/*
 *   demo (its own process) -> three hosts, etcd, six pods
 *     ^ SIGINT, SIGTERM or SIGKILL at any moment
 *
 * Claim: the demo shows what it promises, quickly, and is gone without a trace however it ends.
 * Everything it starts inherits a mark in its environment, so a process that stays is found by it.
 */
import {randomBytes} from 'node:crypto';
import {readFile, readdir} from 'node:fs/promises';

import type {ExecutionContext} from 'ava';
import {eventually} from './lab/eventually.js';
import {LongProcess, run} from './lab/process.js';
import {fromRoot} from './lab/programs.js';
import {labTest} from './privileged.js';

const program = fromRoot('dist/e2e/demo.js');
/** When the demo is struck, ms after its start: while hosts, daemons and pods come, run, and go. */
const moments = [60, 150, 300, 450, 700, 1100, 1600, 2200, 3000, 4000, 5500, 8000, 9500];
const signals = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;

labTest('the demo runs to its end within 40 s and every ping is answered', async t => {
  const mark = newMark();
  const startedAt = performance.now();
  const {code, stdout} = await run([process.execPath, program], {env: mark.env, timeoutMs: 40_000});
  t.log(`${Math.round(performance.now() - startedAt)} ms`);
  t.is(code, 0);
  t.regex(stdout, /60 of 60 answered/);
  t.regex(stdout, / 0 lost/);
  t.regex(stdout, /BFD took tor1 out of the kernel after \d+ ms/);
  t.deepEqual(await mark.processes(), []);
});

labTest(`nothing is left when the demo is interrupted at ${moments.length} moments`, async t => {
  const controlGroups = await labControlGroups();
  for (const [index, delayMs] of moments.entries()) {
    const signal = signals[index % signals.length] ?? 'SIGKILL';
    const mark = newMark();
    const demo = new LongProcess([process.execPath, program], {env: mark.env});
    await new Promise(resolve => setTimeout(resolve, delayMs)); // the moment is the point
    await demo.kill(signal);
    const gone = async () => {
      const left = await mark.processes();
      if (left.length > 0) throw new Error(left.join(', '));
      return true;
    };
    await t.notThrowsAsync(eventually(gone, {withinMs: 3000}), `${signal} after ${delayMs} ms`);
  }
  t.deepEqual(await labControlGroups(), controlGroups);
});

labTest('the lab that is kept says how to enter its hosts and pods', async t => {
  const {demo, mark, after} = await keepLab(t);
  const pod = (await after('pod a1')).replace(/ sh$/, '').split(' ');
  t.regex((await run([...pod, 'ip', 'address', 'show', 'eth0'])).stdout, /10\.244\./);
  t.is(await demo.kill('SIGINT'), 130);
  t.deepEqual(await mark.processes(), []);
});

labTest('the lab says where a daemon logs, and how one that was killed starts again', async t => {
  const {demo, mark, after} = await keepLab(t);
  const host = (await after('host a')).split(' ');
  const onHost = async (line: string) => (await run([...host, 'sh', '-c', line])).stdout;
  const log = (await after('log')).replace('tail -F', 'cat');
  const readies = async () => (await onHost(log)).match(/"ready":true/g)?.length ?? 0;
  const before = await readies();
  t.true(before > 0);

  t.regex(await onHost(await after('status')), /^Daemon: .* ready$/m);
  await run([...host, ...(await after('kill')).split(' ')]);
  await t.throwsAsync(onHost(await after('status')));
  await onHost(await after('start again'));
  const isReady = async () => (await readies()) === before + 1;
  await eventually(isReady, {
    withinMs: 20_000,
    everyMs: 100,
    what: 'a daemon that says it is ready',
  });
  t.regex(await onHost(await after('status')), /^Daemon: .* ready$/m);
  t.is(await demo.kill('SIGINT'), 130);
  t.deepEqual(await mark.processes(), []);
});

labTest('the lab on two switches says how to enter its hosts, pods and switches', async t => {
  const {demo, mark, after} = await keepLab(t, '--fabric=bgp');
  const entryOf = async (what: string) => (await after(what)).split(/ +/);
  const pod = (await entryOf('pod a1')).slice(0, -1);
  t.regex((await run([...pod, 'ip', 'address', 'show', 'eth0'])).stdout, /10\.244\./);
  const host = await entryOf('host a');
  const peers = await run([...host, fromRoot('bin/twillctl'), 'bgp', 'peers']);
  t.is(peers.stdout.match(/^a-tor[12] .* Established /gm)?.length, 2, peers.stdout);
  for (const name of ['tor1', 'tor2']) {
    const summary = await run([...(await entryOf(`switch ${name}`)), '-c', 'show bgp summary']);
    t.regex(summary.stdout, /^Total number of neighbors 3$/m);
  }
  t.is(await demo.kill('SIGINT'), 130);
  t.deepEqual(await mark.processes(), []);
});

/** `after`: what follows these words in what the lab says. */
async function keepLab(t: ExecutionContext, ...options: readonly string[]) {
  const mark = newMark();
  const argv = [process.execPath, program, '--keep', ...options];
  const demo = new LongProcess(argv, {env: mark.env});
  t.teardown(async () => void (await demo.kill('SIGKILL')));
  await demo.line(line => line.includes('until Ctrl-C'), 60_000);
  const after = async (words: string) => {
    const line = await demo.line(each => each.trimStart().startsWith(`${words} `), 5000);
    return line.trim().slice(words.length).trim();
  };
  return {demo, mark, after};
}

function newMark() {
  const value = randomBytes(16).toString('hex');
  return {
    env: {TWILL_DEMO_MARK: value},
    /** Command lines of the processes that carry it. */
    processes: async (): Promise<readonly string[]> => {
      const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
      const marked = await Promise.all(
        pids.map(async pid => {
          const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
          if (!environ.includes(value)) return '';
          return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        }),
      );
      return marked.filter(Boolean).map(line => line.replaceAll('\0', ' '));
    },
  };
}

async function labControlGroups(): Promise<string> {
  const argv = ['find', '/sys/fs/cgroup', '-type', 'd', '-name', 'twill-lab-*'];
  return (await run(argv, {mayFail: true})).stdout;
}
