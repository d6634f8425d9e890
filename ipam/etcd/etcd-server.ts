import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdtemp, rm} from 'node:fs/promises';
import {connect, createServer, type AddressInfo, type Server, type Socket} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/**
 * A real etcd on loopback for tests, and a TCP proxy in front of it that can go silent. Shell.
 * Tests only; nothing of the product imports it.
 */
export interface EtcdServer {
  readonly url: string;
  readonly port: number;
  /** kill -9, and the data stays. */
  kill(): Promise<void>;
  /** The same member again: same ports, same data. */
  restart(): Promise<void>;
  stop(): Promise<void>; // kills and removes the data
}

/** Files for https with client certificates. */
export interface ServerTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** @throws when etcd is not installed or does not answer within 15 s. */
export async function startEtcd(
  args: readonly string[] = [],
  tls?: ServerTls,
): Promise<EtcdServer> {
  return (await startEtcdCluster(1, args, tls))[0]!;
}

export async function startEtcdCluster(
  members: number,
  args: readonly string[] = [],
  tls?: ServerTls,
): Promise<readonly EtcdServer[]> {
  const ports = await freePorts(members * 3);
  const peers = Array.from({length: members}, (_, n) => `http://127.0.0.1:${ports[members + n]}`);
  const cluster = peers.map((url, n) => `m${n}=${url}`).join(',');
  return Promise.all(
    peers.map((peer, n) =>
      startMember({port: ports[n]!, healthPort: ports[2 * members + n]!, tls}, [
        ...['--name', `m${n}`, '--initial-cluster', cluster],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
        ...args,
      ]),
    ),
  );
}

interface MemberOptions {
  readonly port: number;
  readonly healthPort: number;
  readonly tls: ServerTls | undefined;
}

async function startMember(
  {port, healthPort, tls}: MemberOptions,
  args: readonly string[],
): Promise<EtcdServer> {
  const dir = await mkdtemp(join(tmpdir(), 'twill-etcd-'));
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const health = `http://127.0.0.1:${healthPort}`;
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(
      'etcd',
      [
        ...['--data-dir', dir, '--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-metrics-urls', health, '--log-level', 'error'],
        ...(tls ? ['--cert-file', tls.certFile, '--key-file', tls.keyFile] : []),
        ...(tls ? ['--trusted-ca-file', tls.caFile, '--client-cert-auth'] : []),
        ...args,
      ],
      {stdio: 'ignore'},
    );
    child.on('error', () => undefined);
    await eventually(async () => {
      if (child?.exitCode !== null) throw new Error('etcd did not start');
      const answer = await fetch(`${health}/health`).then(reply => reply.text());
      return answer.includes('true');
    });
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await start();
  const stop = async () => {
    await kill();
    await rm(dir, {recursive: true, force: true});
  };
  return {url, port, kill, restart: start, stop};
}

export interface Proxy {
  readonly url: string;
  /** From now on nothing is forwarded, nothing is closed: a half-open connection. */
  freeze(): void;
  /** Cuts every connection; new ones are served. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server: Server = createServer(near => {
    const far = connect(targetPort, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === near ? far : near).destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().pause();
    },
    cut,
    stop: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Asks again every 20 ms until it is true; an error counts as no. @throws after `withinMs`. */
export async function eventually(
  check: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    try {
      if (await check()) return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    if (Date.now() > end) throw new Error(`not true within ${withinMs} ms`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({length: count}, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map(server => once(server, 'listening')));
  const ports = servers.map(server => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(server => once(server.close(), 'close')));
  return ports;
}
