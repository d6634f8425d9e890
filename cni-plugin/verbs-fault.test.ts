/* What the verbs do when the kernel, the journal, the clock or the caller do not play along. */
import {randomUUID} from 'node:crypto';
import {mkdir, open, readdir, utimes, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setImmediate as turn} from 'node:timers/promises';
import type {ExecutionContext} from 'ava';
import {NetlinkError, type NetlinkSocket} from '#native-addon';
import {encodeFrame} from './frame.js';
import type {Kernel} from './port.js';
import {createLab, rooted, type Lab} from './test-lab.js';
import {ManualClock, frameOf, networkConfig} from './test-node.js';
import {replayTombstones} from './tombstones.js';

const ENOMEM = 12;

/** Counts the exchanges of an ADD with the kernel and spoils one of them. */
class Spoiler {
  seen = 0;
  target = -1;
  /** 'before': it never happens. 'after': it happens, and the answer says that it did not. */
  when: 'before' | 'after' = 'before';

  spoil(kernel: Kernel): Kernel {
    return {
      ...kernel,
      host: this.#wrap(kernel.host),
      openPod: async fd => {
        await this.#step(async () => undefined);
        return this.#wrap(await kernel.openPod(fd));
      },
    };
  }

  #wrap(socket: NetlinkSocket): NetlinkSocket {
    return {
      port: socket.port,
      send: requests => this.#step(() => socket.send(requests)),
      sendBatch: batch => this.#step(() => socket.sendBatch(batch)),
      must: requests => this.#step(() => socket.must(requests)),
      get: request => socket.get(request),
      dump: request => socket.dump(request),
      read: (request, reader) => socket.read(request, reader),
      close: () => socket.close(),
    };
  }

  async #step<T>(work: () => Promise<T>): Promise<T> {
    const isTarget = this.seen++ === this.target;
    if (isTarget && this.when === 'before') throw new NetlinkError('injected', ENOMEM);
    const result = await work();
    if (isTarget) throw new NetlinkError('injected', ENOMEM);
    return result;
  }
}

async function assertNothingLeft(t: ExecutionContext, lab: Lab, pod: string): Promise<void> {
  t.deepEqual(lab.node.book.list(), []);
  t.notRegex(await lab.ip('host', 'link'), /twl/);
  t.is(await lab.ip('host', 'route show proto 84'), '');
  t.is(await lab.ip('host', '-6 route show proto 84'), '');
  t.notRegex(await lab.ip(pod, 'link'), /eth0/);
}

for (const when of ['before', 'after'] as const) {
  rooted(
    `an ADD that fails ${when} any of its exchanges leaves nothing and can be repeated`,
    async t => {
      const spoiler = new Spoiler();
      spoiler.when = when;
      const lab = await createLab(t, {}, kernel => spoiler.spoil(kernel));
      const {name, fd} = await lab.pod();
      let failures = 0;
      for (let target = 0; target < 20; target++) {
        Object.assign(spoiler, {seen: 0, target});
        const {exitCode, json, settled} = await lab.node.call({}, {descriptor: fd});
        await settled;
        if (exitCode === 0) break;
        failures++;
        t.is(json.code, 11);
        await lab.node.context.retirement.everyoneGone();
        await assertNothingLeft(t, lab, name);
      }
      t.true(failures >= 4, `${failures} exchanges were spoiled`);
      t.is(lab.node.book.list().length, 1);
    },
  );
}

rooted(
  'an ADD beyond its deadline is answered at once and undone when the kernel comes back',
  async t => {
    const clock = new ManualClock();
    let letGo = () => {};
    const hang = new Promise<void>(resolve => {
      letGo = resolve;
    });
    const lab = await createLab(t, {clock, cni: {addDeadlineMs: 5000}}, kernel => ({
      ...kernel,
      openPod: async fd => {
        await hang;
        return await kernel.openPod(fd);
      },
    }));
    const {name, fd} = await lab.pod();
    const call = lab.node.call({}, {descriptor: fd});
    while (lab.node.book.list().length === 0) await turn();
    clock.advance(5000);
    const {json, settled} = await call;
    t.is(json.code, 11);
    t.regex(json.msg, /longer than 5000 ms and is being undone/);

    const del = lab.node.call({command: 'DEL'});
    letGo();
    t.is((await del).exitCode, 0);
    await settled;
    await lab.node.context.retirement.everyoneGone();
    await assertNothingLeft(t, lab, name);
  },
);

rooted('an ADD whose caller goes away is undone', async t => {
  const lab = await createLab(t);
  const {name, fd} = await lab.pod();
  const gone = new AbortController();
  const call = lab.node.call({}, {descriptor: fd, closed: gone.signal});
  gone.abort();
  const {exitCode, settled} = await call;
  t.is(exitCode, 1);
  await settled;
  await lab.node.context.retirement.everyoneGone();
  await assertNothingLeft(t, lab, name);
});

rooted('a DEL that races an ADD ends with nothing left, whichever came first', async t => {
  const lab = await createLab(t);
  const {name, fd} = await lab.pod();
  for (let round = 0; round < 5; round++) {
    const add = lab.node.call({}, {descriptor: fd});
    const dels = [lab.node.call({command: 'DEL'}), lab.node.call({command: 'DEL'})];
    t.is((await add).exitCode, 0);
    for (const del of dels) t.is((await del).exitCode, 0);
    await lab.node.context.retirement.everyoneGone();
    await assertNothingLeft(t, lab, name);
  }
});

rooted('an ADD right after a DEL waits until the old link is gone', async t => {
  const lab = await createLab(t);
  const {fd} = await lab.pod();
  t.is((await lab.node.call({}, {descriptor: fd})).exitCode, 0);
  t.is((await lab.node.call({command: 'DEL'})).exitCode, 0);
  t.is((await lab.node.call({}, {descriptor: fd})).exitCode, 0);
  t.deepEqual(lab.node.problems, []);
});

rooted('an address is not handed out again while a link that had it will not go', async t => {
  const clock = new ManualClock();
  let failing = true;
  const lab = await createLab(
    t,
    {clock, ranges: [{cidr: '10.9.0.0/30', family: 'ipv4', pool: 'p', reserved: ['10.9.0.2/31']}]},
    kernel => ({
      ...kernel,
      deletions: {
        ...kernel.deletions,
        send: async requests => {
          if (failing) throw new NetlinkError('injected', ENOMEM);
          return await kernel.host.send(requests);
        },
      },
    }),
  );
  lab.node.state = {...lab.node.state, families: ['ipv4']};
  const [one, two] = [await lab.pod(), await lab.pod()];
  t.is((await lab.node.call({containerId: 'one'}, {descriptor: one.fd})).exitCode, 0);
  t.is((await lab.node.call({command: 'DEL', containerId: 'one'})).exitCode, 0);
  t.is(lab.node.book.get('one', 'eth0')?.state, 'deleting');

  let answered = false;
  const add = lab.node.call({containerId: 'two'}, {descriptor: two.fd}).then(answer => {
    answered = true;
    return answer;
  });
  for (let at = 0; at < 50; at++) await turn();
  t.false(answered);
  t.regex(lab.node.problems[0]?.what ?? '', /could not be deleted/);
  failing = false;
  clock.advance(300);
  const {exitCode, json} = await add;
  t.is(exitCode, 0, JSON.stringify(json));
  t.is(json.ips[0].address, '10.9.0.1/32');
  t.is(lab.node.book.list().length, 1);
});

rooted('exhausted, unsafe, not ready, out of range, in use: each says so', async t => {
  const lab = await createLab(t, {ranges: [{cidr: '10.9.0.0/31', family: 'ipv4', pool: 'p'}]});
  const {node} = lab;
  const ready = {...node.state, families: ['ipv4'] as const};
  node.state = ready;
  const {fd} = await lab.pod();
  const add = (containerId: string, ifName: string, extra = {}) =>
    node.call({containerId, ifName, stdin: networkConfig(extra)}, {descriptor: fd});
  const status = () => node.call({command: 'STATUS'});
  const withIp = (ip: string) => ({runtimeConfig: {ips: [ip]}});

  node.state = {...ready, ready: false, canServe: false, reason: 'first sync'};
  t.is((await add('c0', 'e0')).json.code, 11);
  t.is((await add('c0', 'e0')).json.details, 'first sync');
  t.is((await status()).json.code, 50);
  node.state = {...ready, ranges: 'unsafe', reason: 'etcd is silent'};
  t.regex((await add('c0', 'e0')).json.msg, /lease/);
  t.is((await status()).json.code, 51);
  node.state = {...ready, ranges: 'none', reason: 'there is no Pool'};
  t.like((await add('c0', 'e0')).json, {code: 11, details: 'there is no Pool'});
  t.regex((await add('c0', 'e0')).json.msg, /holds no address range/);
  t.like((await status()).json, {code: 51, msg: 'this node holds no address range'});
  node.state = ready;
  t.is((await status()).json, undefined);

  t.is((await add('c0', 'e0', withIp('10.77.0.1'))).json.code, 7);
  t.is((await add('c1', 'e1', withIp('10.9.0.1'))).exitCode, 0);
  t.regex((await add('c2', 'e2', withIp('10.9.0.1'))).json.msg, /10\.9\.0\.1 is in use by c1\/e1/);
  const exhausted = (await add('c3', 'e3')).json;
  t.is(exhausted.code, 11);
  t.regex(exhausted.msg, /no free IPv4 address on this node: 10\.9\.0\.0\/31/);
  t.is((await status()).json.code, 51);
  node.state = {...ready, families: ['ipv6']};
  t.regex((await add('c4', 'e4')).json.msg, /holds no IPv6 range/);
  await node.context.retirement.everyoneGone();
  t.is(node.book.list().length, 1);
  t.is((await lab.ip('host', 'link')).match(/twl/g)?.length, 1);
});

rooted('a container is not attached twice, in another namespace or by another network', async t => {
  const lab = await createLab(t);
  const [one, two] = [await lab.pod(), await lab.pod()];
  t.is((await lab.node.call({}, {descriptor: one.fd})).exitCode, 0);
  const elsewhere = await lab.node.call({}, {descriptor: two.fd});
  t.is(elsewhere.json.code, 4);
  const stdin = networkConfig({name: 'other'});
  t.is((await lab.node.call({stdin}, {descriptor: one.fd})).json.code, 4);
  t.is((await lab.node.call({command: 'DEL', stdin})).exitCode, 0);
  t.is(lab.node.book.list().length, 1);
});

rooted('without a namespace, or with one that is none, ADD is refused with 4', async t => {
  const {node} = await createLab(t);
  t.is((await node.call({netnsPath: ''})).json.code, 4);
  t.is((await node.call({})).json.code, 4);
  const file = await open('/proc/self/ns/uts');
  t.teardown(() => file.close());
  const refused = await node.call({}, {descriptor: file.fd});
  await refused.settled;
  t.is(refused.json.code, 4, JSON.stringify(refused.json));
  t.deepEqual(node.book.list(), []);
});

rooted('CHECK of what nobody added is 3, and without prevResult 7', async t => {
  const {node, pod} = await createLab(t);
  const {fd} = await pod();
  t.is((await node.call({command: 'CHECK'}, {descriptor: fd})).json.code, 7);
  const stdin = networkConfig({prevResult: {}});
  t.is((await node.call({command: 'CHECK', stdin}, {descriptor: fd})).json.code, 3);
  const old = networkConfig({cniVersion: '0.3.1'});
  t.is((await node.call({command: 'CHECK', stdin: old}, {descriptor: fd})).json.code, 1);
});

rooted('GC removes what is not listed, of this network only, and leaked links', async t => {
  const {node, pod, ip} = await createLab(t);
  const {fd} = await pod();
  const other = networkConfig({name: 'other'});
  await node.call({containerId: 'a', ifName: 'e1'}, {descriptor: fd});
  await node.call({containerId: 'b', ifName: 'e2'}, {descriptor: fd});
  await node.call({containerId: 'c', ifName: 'e3', stdin: other}, {descriptor: fd});
  await ip('host', 'link add twl0123456789a type veth peer name leak');
  const key = 'cni.dev/valid-attachments';
  const stdin = networkConfig({[key]: [{containerID: 'a', ifname: 'e1'}]});
  t.is((await node.call({command: 'GC', stdin})).json, undefined);
  t.deepEqual(
    node.book.list().map(({containerId}) => containerId),
    ['a', 'c'],
  );
  t.is((await ip('host', 'link')).match(/twl/g)?.length, 2);
  t.is((await node.call({command: 'GC'})).json.code, 7);
});

rooted("as another plugin's IPAM only addresses are given, with the range's length", async t => {
  const {node, ip} = await createLab(t);
  const stdin = networkConfig({cniVersion: '0.4.0', type: 'bridge', ipam: {type: 'twill'}});
  const {json} = await node.call({stdin, netnsPath: ''});
  t.deepEqual(json, {
    cniVersion: '0.4.0',
    ips: [
      {version: '4', address: '10.244.3.1/26', gateway: '10.244.3.0'},
      {version: '6', address: 'fd00:3::1/122', gateway: 'fd00:3::'},
    ],
    routes: [{dst: '0.0.0.0/0'}, {dst: '::/0'}],
    dns: {},
  });
  t.deepEqual((await node.call({stdin, netnsPath: ''})).json, json);
  t.notRegex(await ip('host', 'link'), /twl/);
  const check = networkConfig({type: 'bridge', ipam: {type: 'twill'}, prevResult: json});
  t.is((await node.call({command: 'CHECK', stdin: check})).json, undefined);
  t.is((await node.call({command: 'DEL', stdin, netnsPath: ''})).exitCode, 0);
  await node.context.retirement.everyoneGone();
  t.deepEqual(node.book.list(), []);
});

rooted("another IPAM plugin's addresses and routes are used", async t => {
  const {node, pod, ip} = await createLab(t);
  const {name, fd} = await pod();
  const ipam = {
    cniVersion: '1.0.0',
    ips: [{address: '10.22.0.5/16', gateway: '10.22.0.1'}],
    routes: [{dst: '10.99.0.0/16'}],
  };
  const call = {
    stdin: networkConfig({cniVersion: '1.0.0', ipam: {type: 'host-local'}}),
    ipamResult: Buffer.from(JSON.stringify(ipam)),
  };
  const {json} = await node.call(call, {descriptor: fd});
  t.deepEqual(json.ips, [{address: '10.22.0.5/16', gateway: '10.22.0.1', interface: 1}]);
  t.deepEqual(json.routes, [{dst: '10.99.0.0/16'}]);
  const routes = await ip(name, 'route');
  t.regex(routes, /^10\.99\.0\.0\/16 via 169\.254\.1\.1 dev eth0/m);
  t.regex(routes, /^10\.22\.0\.0\/16 via 169\.254\.1\.1 dev eth0/m);
  t.notRegex(routes, /default/);
  t.true(node.book.list()[0]?.external);
  const missing = await node.call(
    {...call, containerId: 'c2', ipamResult: Buffer.from('{}')},
    {descriptor: fd},
  );
  t.is(missing.json.code, 7);
  t.is((await node.call({command: 'DEL', stdin: call.stdin})).exitCode, 0);
  t.deepEqual(node.book.list(), []);
});

rooted('tombstones are replayed, overtaken ones dropped, bad ones put aside', async t => {
  const {node, pod} = await createLab(t);
  const {fd} = await pod();
  for (const containerId of ['old', 'new']) {
    await node.call({containerId, ifName: `e${containerId}`}, {descriptor: fd});
  }
  const dir = join(node.dir, 'pending-del');
  t.deepEqual(await replayTombstones(node.context, dir), {done: [], failed: [], bad: []});
  await mkdir(dir);
  const bury = async (containerId: string, at: Date) => {
    const path = join(dir, `${containerId}.e${containerId}.${randomUUID()}`);
    await writeFile(
      path,
      encodeFrame(frameOf({command: 'DEL', containerId, ifName: `e${containerId}`})),
    );
    await utimes(path, at, at);
  };
  await bury('old', new Date(Date.now() + 1000));
  await bury('new', new Date(Date.now() - 60_000)); // that container was added again since
  await bury('unknown', new Date());
  await writeFile(join(dir, 'broken.eth0.1'), 'TWL1');
  await writeFile(join(dir, 'add.eth0.1'), encodeFrame(frameOf({})));
  await writeFile(join(dir, '.half.tmp'), 'TWL1');

  const {done, failed, bad} = await replayTombstones(node.context, dir);
  t.is(done.length, 3);
  t.deepEqual(failed, []);
  t.deepEqual([...bad].sort(), ['add.eth0.1', 'broken.eth0.1']);
  await node.context.retirement.everyoneGone();
  t.deepEqual(
    node.book.list().map(({containerId}) => containerId),
    ['new'],
  );
  t.deepEqual((await readdir(dir)).sort(), ['.half.tmp', 'add.eth0.1.bad', 'broken.eth0.1.bad']);
});
