/*
 * A process or a worker may end at any moment: with a socket half open, a request on its way, a
 * monitor that is being told things, a listener with clients. Each stage below is a script that runs
 * in a process of its own, and in a worker that is stopped there; it must end by itself, quietly.
 */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {Worker} from 'node:worker_threads';

import test from 'ava';

import {createFolder, privileged} from './test-lab.js';

const INDEX = pathToFileURL(join(import.meta.dirname, 'index.js')).href;

/** `n` is the package, `links` a request. Each is also run with process.exit() after it. */
const STAGES: Readonly<Record<string, string>> = {
  loaded: '',
  opening: 'void n.openNetlink();',
  open: 'await n.openNetlink();',
  'sending, not awaited': 'const s = await n.openNetlink(); void s.send(links);',
  sent: 'const s = await n.openNetlink(); await s.send(links);',
  dumping: 'const s = await n.openNetlink(); void s.dump(n.dumpLinks()); void s.send(links);',
  closed: 'const s = await n.openNetlink(); await s.dump(n.dumpLinks()); s.close();',
  'closed while pending':
    'const s = await n.openNetlink(); s.send(links).catch(() => {}); s.dump(n.dumpLinks()).catch(() => {}); s.close();',
  'refused to open': "await n.openNetlink({namespace: {path: '/dev/null'}}).catch(() => {});",
  'many sockets': 'for (let i = 0; i < 50; i++) void n.openNetlink().then(s => s.send(links));',
  'reading a sysctl':
    "void n.readSysctl({path: '/proc/self/ns/net'}, 'net.ipv4.ip_forward').catch(() => {});",
  'monitor closed': 'const m = await monitor(); m.close();',
  'listener closed': 'const l = await listen(); await l.close();',
};

/** Alive until told to end. */
const HELD: Readonly<Record<string, string>> = {
  'monitor opening': 'void monitor();',
  'monitor open': 'await monitor();',
  'listener open': 'await listen();',
  'listener with a silent client':
    "await listen(); const {connect} = await import('node:net'); await new Promise(r => connect(path, r));",
  'listener with a request at work':
    "await listen(); const {connect} = await import('node:net'); connect(path).end('x'); await new Promise(r => { globalThis.heard = r; });",
};

/** A worker that says when it has got there, and waits. */
const STAY = `const {parentPort} = await import('node:worker_threads');
  parentPort.postMessage('there');
  setInterval(() => {}, 1000);`;

function script(folder: string, body: string, end = ''): string {
  return `
    const n = await import(${JSON.stringify(INDEX)});
    const path = ${JSON.stringify(join(folder, 'listener.sock'))};
    const links = Array.from({length: 300}, () => n.getLink({index: 1}));
    const fail = error => { throw error; };
    const monitor = () => n.openMonitor({groups: [1, 7], onMessage() {}, onResync: fail, onError: fail});
    const listen = () => n.listenUnix({path, maxBytes: 1000, requestTimeoutMs: 60000, onError: fail,
      onRequest() { globalThis.heard?.(); }});
    ${body}
    ${end}`;
}

for (const [stage, body] of Object.entries(STAGES)) {
  privileged(`a process ends: ${stage}`, async t => {
    t.deepEqual(await run(script(await createFolder(t), body)), {code: 0, stderr: ''});
  });
}

for (const [stage, body] of Object.entries({...STAGES, ...HELD})) {
  privileged(`process.exit() is clean: ${stage}`, async t => {
    t.deepEqual(await run(script(await createFolder(t), body, 'process.exit(7);')), {
      code: 7,
      stderr: '',
    });
  });

  privileged(`a worker can be stopped: ${stage}`, async t => {
    const worker = startWorker(script(await createFolder(t), body, STAY));
    await once(worker, 'message');
    t.is(await worker.terminate(), 1);
  });
}

test('workers have sockets of their own', async t => {
  const body =
    "const s = await n.openNetlink(); const m = await s.get(n.getLink({index: 1})); (await import('node:worker_threads')).parentPort.postMessage(n.decodeLink(m.payload).name);";
  const names = await Promise.all(
    Array.from({length: 4}, async () => {
      const worker = startWorker(script('/nowhere', body));
      // A worker's last message and its end come in one go: both are awaited from the start.
      const exit = once(worker, 'exit') as Promise<[number]>;
      const [name] = (await once(worker, 'message')) as [string];
      const [code] = await exit;
      return `${name} ${code}`;
    }),
  );
  t.deepEqual(names, ['lo 0', 'lo 0', 'lo 0', 'lo 0']);
});

function startWorker(source: string): Worker {
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
}

async function run(source: string): Promise<{code: number | null; stderr: string}> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 20_000,
  });
  let stderr = '';
  child.stderr.on('data', data => (stderr += String(data)));
  const [code] = (await once(child, 'close')) as [number | null];
  return {code, stderr};
}
