import {once} from 'node:events';
import {closeSync, readFileSync} from 'node:fs';
import {Socket} from 'node:net';
import {Worker} from 'node:worker_threads';

import test, {type ExecutionContext} from 'ava';

import {countDescriptors, eventually, privileged} from '../test-lab.js';
import {DatagramSocket, type Datagram} from './datagram.js';
import {decodeEndpoint, encodeEndpoint} from './endpoint.js';
import * as options from './options.js';
import {
  dialSocket,
  interfaceIndex,
  interfaceName,
  ListeningSocket,
  localEndpoint,
  setSocketOption,
  socketNumber,
  synHopLimit,
} from './socket.js';
import type {Family} from '../netlink/family.js';

const LOOPBACK = {
  ipv4: Uint8Array.of(127, 0, 0, 1),
  ipv6: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};
const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

interface Accepted {
  readonly fd: number;
  readonly port: number;
}

function listen(t: ExecutionContext, family: Family, more: readonly options.SocketOption[] = []) {
  const accepted: Accepted[] = [];
  const listening = new ListeningSocket(
    {
      family,
      local: {address: LOOPBACK[family], port: 0},
      options: family === 'ipv6' ? [options.onlyIpv6(), ...more] : more,
    },
    (fd, remote) => accepted.push({fd, port: remote.port}),
    error => t.fail(error.message),
  );
  t.teardown(() => {
    listening.close();
    for (const {fd} of accepted) closeSync(fd);
  });
  return {listening, accepted, port: listening.local.port};
}

interface Dial {
  fd: number | undefined;
  error: Error | undefined;
}

function dial(
  t: ExecutionContext,
  family: Family,
  port: number,
  more: readonly options.SocketOption[] = [],
): Dial {
  const dialled: Dial = {fd: undefined, error: undefined};
  const local = {address: LOOPBACK[family], port: 0};
  const cancel = dialSocket(
    {family, options: more, local, remote: {address: LOOPBACK[family], port}},
    fd => (dialled.fd = fd),
    error => (dialled.error = error),
  );
  t.teardown(() => {
    cancel();
    if (dialled.fd !== undefined) closeSync(dialled.fd);
  });
  return dialled;
}

function socketOf(t: ExecutionContext, fd: number): Socket {
  const socket = new Socket({fd, readable: true, writable: true});
  t.teardown(() => socket.destroy());
  return socket;
}

/** How often the kernel has dropped for this reason, in this namespace. */
function dropped(name: string): number {
  const lines = readFileSync('/proc/net/netstat', 'utf8').split('\n');
  const [names, values] = lines.filter(line => line.startsWith('TcpExt:')).map(l => l.split(' '));
  return Number(values?.[names?.indexOf(name) ?? -1]);
}

privileged(
  'a SYN with more in front of it than headers usually have says nothing, and does no harm',
  async t => {
    const extension = new Uint8Array(264); // hop-by-hop options (RFC 8200 §4.3): 33 times 8 octets
    extension.set([0, 32, 0x1e, 255]); // one that nobody knows, to be skipped
    extension.set([1, 3], 259); // PadN
    const option = {name: 'IPV6_HOPOPTS', level: 41, number: 54, value: extension};
    const {accepted, port} = listen(t, 'ipv6', [options.saveSyn()]);
    dial(t, 'ipv6', port, [option]);
    await eventually(() => accepted.length === 1);
    t.is(synHopLimit(accepted[0]!.fd), undefined);
  },
);

for (const family of FAMILIES) {
  test(`a dialled socket has its options and is node:net's to use (${family})`, async t => {
    const {accepted, port} = listen(t, family);
    const wanted = [options.hopLimit(family, 7), options.noDelay(), options.userTimeout(9000)];
    const dialled = dial(t, family, port, wanted);
    await eventually(() => accepted.length === 1 && dialled.fd !== undefined);
    const fd = dialled.fd ?? -1;
    t.deepEqual(
      wanted.map(option => socketNumber(fd, option)),
      [7, 1, 9000],
    );
    t.is(accepted[0]?.port, localEndpoint(fd).port);

    dialled.fd = undefined;
    const [ours, theirs] = [socketOf(t, fd), socketOf(t, accepted.pop()!.fd)];
    theirs.write('OPEN');
    const [data] = (await once(ours, 'data')) as [Buffer];
    t.is(data.toString(), 'OPEN');
  });

  test.serial(
    `a dial that nobody answers says so, one taken back says nothing (${family})`,
    async t => {
      const {listening, port} = listen(t, family);
      const before = countDescriptors();
      const cancel = dialSocket(
        {family, remote: {address: LOOPBACK[family], port}},
        () => t.fail(),
        () => t.fail(),
      );
      cancel();
      t.is(countDescriptors(), before);
      listening.close();
      const refused = dial(t, family, port);
      await eventually(() => refused.error !== undefined);
      t.like(refused.error, {code: 'ECONNREFUSED'});
    },
  );

  privileged(`whoever has another key, or none, gets no answer (${family})`, async t => {
    const bits = family === 'ipv4' ? 8 : 127;
    const prefix = {address: LOOPBACK[family].slice(), bits};
    prefix.address[LOOPBACK[family].length - 1] = 0;
    const key = (password: string) => options.md5Key({...prefix, password});
    const {listening, accepted, port} = listen(t, family, [key('orange')]);

    const failures = dropped('TCPMD5Failure');
    const unkeyed = dropped('TCPMD5NotFound');
    const wrong = dial(t, family, port, [key('apple')]);
    const none = dial(t, family, port);
    dial(t, family, port, [key('orange')]);
    await eventually(() => accepted.length === 1);
    await eventually(
      () => dropped('TCPMD5Failure') > failures && dropped('TCPMD5NotFound') > unkeyed,
    );
    t.deepEqual([wrong.fd, none.fd], [undefined, undefined]);
    t.deepEqual([wrong.error, none.error], [undefined, undefined]); // silence, no RST

    listening.setOption(key('apple')); // rolled while it listens
    dial(t, family, port, [key('apple')]);
    await eventually(() => accepted.length >= 2);
    listening.setOption(key('')); // removed
    const before = accepted.length;
    dial(t, family, port);
    await eventually(() => accepted.length > before);
    t.pass();
  });

  privileged(`less than the minimum hop limit is dropped in silence (${family})`, async t => {
    const {accepted, port} = listen(t, family, [options.minHopLimit(family, 255)]);
    const name = 'TCPMinTTLDrop';
    const before = dropped(name);
    const far = dial(t, family, port, [options.hopLimit(family, 64)]);
    const near = dial(t, family, port, [options.hopLimit(family, 255)]);
    await eventually(() => accepted.length === 1 && dropped(name) > before);
    t.is(far.fd, undefined);
    t.not(near.fd, undefined);
    const {fd} = accepted[0]!;
    t.is(socketNumber(fd, options.minHopLimit(family, 0)), 255); // inherited
    setSocketOption(fd, options.minHopLimit(family, 0));
    t.is(socketNumber(fd, options.minHopLimit(family, 0)), 0);
  });

  test(`an accepted connection says once with how many hops left it began (${family})`, async t => {
    for (const hops of [1, 64, 255]) {
      const {accepted, port} = listen(t, family, [options.saveSyn()]);
      dial(t, family, port, [options.hopLimit(family, hops)]);
      await eventually(() => accepted.length === 1);
      const {fd} = accepted[0]!;
      t.deepEqual([synHopLimit(fd), synHopLimit(fd)], [hops, undefined]);
    }
    const {accepted, port} = listen(t, family);
    dial(t, family, port);
    await eventually(() => accepted.length === 1);
    t.is(synHopLimit(accepted[0]!.fd), undefined, 'it is not kept where nobody asked');
  });

  test(`a datagram comes with hop limit, link and the address it was sent to (${family})`, async t => {
    const seen: Datagram[] = [];
    const fail = (error: Error) => t.fail(error.message);
    const local = {address: LOOPBACK[family], port: 0};
    const receiver = new DatagramSocket(
      {family, local},
      datagram => seen.push({...datagram, bytes: datagram.bytes.slice()}),
      fail,
    );
    const hops = [options.hopLimit(family, 255)];
    const sender = new DatagramSocket({family, local, options: hops}, () => t.fail(), fail);
    t.teardown(() => {
      receiver.close();
      sender.close();
    });
    t.is(sender.send(Uint8Array.of(1, 2, 3), receiver.local), undefined);
    await eventually(() => seen.length === 1);
    t.like(seen[0], {
      bytes: Uint8Array.of(1, 2, 3),
      hopLimit: 255,
      ifindex: interfaceIndex('lo'),
      local: LOOPBACK[family],
    });
    t.is(seen[0]?.remote.port, sender.local.port);
  });
}

test.serial('what the kernel refuses says system call, option and errno', t => {
  const before = countDescriptors();
  const remote = {address: LOOPBACK.ipv4, port: 1};
  const attempt = (more: Partial<Parameters<typeof dialSocket>[0]>) => () =>
    dialSocket({family: 'ipv4', remote, ...more}, closeSync, () => {});
  const local = {address: Uint8Array.of(192, 0, 2, 1), port: 0};
  t.throws(attempt({local}), {code: 'EADDRNOTAVAIL', message: /^bind/});
  t.throws(attempt({options: [options.bindToDevice('no-such-link')]}), {
    code: 'ENODEV',
    message: /^setsockopt SO_BINDTODEVICE/,
  });
  const broadcast = {address: Uint8Array.of(255, 255, 255, 255), port: 1};
  t.throws(attempt({remote: broadcast}), {message: /^connect/});
  t.throws(() => options.md5Key({address: LOOPBACK.ipv4, bits: 32, password: 'x'.repeat(81)}), {
    instanceOf: RangeError,
  });
  t.is(interfaceIndex('no-such-link'), 0);
  t.is(interfaceName(interfaceIndex('lo')), 'lo');
  t.is(interfaceName(0x7fff_ffff), undefined);
  t.is(countDescriptors(), before);
});

test('a port that is taken is refused; with the socket closed it is free at once', t => {
  const {listening, port} = listen(t, 'ipv4', [options.reuseAddress()]);
  const local = {address: LOOPBACK.ipv4, port};
  const again = () =>
    new ListeningSocket(
      {family: 'ipv4', local, options: [options.reuseAddress()]},
      closeSync,
      () => {},
    );
  t.throws(again, {code: 'EADDRINUSE'});
  listening.close();
  again().close();
});

test.serial('a listener may be closed from its own callback', async t => {
  const before = countDescriptors();
  const local = {address: LOOPBACK.ipv4, port: 0};
  let connections = 0;
  const listening = new ListeningSocket(
    {family: 'ipv4', local},
    fd => {
      connections++;
      closeSync(fd);
      listening.close();
    },
    error => t.fail(error.message),
  );
  const dialled = dial(t, 'ipv4', listening.local.port);
  await eventually(() => connections === 1 && dialled.fd !== undefined);
  closeSync(dialled.fd!);
  dialled.fd = undefined;
  t.is(countDescriptors(), before);
});

test.serial('a worker thread that ends takes its sockets with it', async t => {
  const before = countDescriptors();
  const code = `
    import {ListeningSocket, DatagramSocket} from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
    const local = {address: Uint8Array.of(127, 0, 0, 1), port: 0};
    new ListeningSocket({family: 'ipv4', local}, () => {}, () => {});
    new DatagramSocket({family: 'ipv4', local}, () => {}, () => {});
    setTimeout(() => process.exit(0), 20);
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const [exitCode] = (await once(worker, 'exit')) as [number];
  t.is(exitCode, 0);
  await eventually(() => countDescriptors() <= before);
});

test.serial('a dial that the kernel refuses at once closes its socket without a word', async t => {
  const before = countDescriptors();
  const code = `
    import {parentPort} from 'node:worker_threads';
    import {dialSocket} from ${JSON.stringify(new URL('socket.js', import.meta.url).href)};
    process.on('warning', ({message}) => parentPort.postMessage(message));
    const remote = {address: Uint8Array.of(255, 255, 255, 255), port: 179};
    try {
      dialSocket({family: 'ipv4', remote}, () => {}, () => {});
    } catch ({code}) {
      parentPort.postMessage(code);
    }
    setImmediate(() => process.exit(0)); // a warning comes with the next tick
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
  const said: unknown[] = [];
  worker.on('message', message => said.push(message));
  await once(worker, 'exit');
  t.deepEqual(said, ['ENETUNREACH']);
  await eventually(() => countDescriptors() <= before);
});

test('an endpoint survives its own encoding', t => {
  const link = {address: LOOPBACK.ipv6, port: 179, scopeId: 7};
  t.deepEqual(decodeEndpoint(encodeEndpoint(link)), link);
  const plain = {address: LOOPBACK.ipv4, port: 65535, scopeId: 0};
  t.deepEqual(decodeEndpoint(encodeEndpoint(plain)), plain);
});
