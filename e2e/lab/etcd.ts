/**
 * Real etcd, one member or three, in the fabric's namespace; data on the lab's own tmpfs. Shell.
 * Members share the fabric's address and differ by port: 2379, 2381, 2383 (peers: one above).
 */
import {eventually} from './eventually.js';
import type {Namespace} from './namespace.js';
import type {LongProcess} from './process.js';

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly leaseId: string; // decimal; '0': none
}

export class Etcd {
  readonly endpoints: readonly string[];
  readonly #fabric: Namespace;
  readonly #address: string;
  readonly #members: (LongProcess | undefined)[];

  constructor(fabric: Namespace, address: string, memberCount: number) {
    this.#fabric = fabric;
    this.#address = address;
    this.#members = Array.from({length: memberCount}, () => undefined);
    this.endpoints = this.#members.map((_, index) => this.#url(index));
  }

  /** Starts the members that do not run. */
  async start(): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.startMember(index)));
  }

  async startMember(index: number): Promise<void> {
    if (this.#members[index]?.running) return;
    const peers = this.#members.map((_, member) => `m${member}=${this.#url(member, 1)}`);
    const member = this.#fabric.start(
      [
        ['etcd', '--name', `m${index}`, '--data-dir', `/run/lab/etcd/m${index}`],
        ['--listen-client-urls', this.#url(index), '--advertise-client-urls', this.#url(index)],
        ['--listen-peer-urls', this.#url(index, 1)],
        ['--initial-advertise-peer-urls', this.#url(index, 1)],
        ['--initial-cluster', peers.join(','), '--initial-cluster-token', 'lab'],
        ['--heartbeat-interval', '50', '--election-timeout', '500'],
      ].flat(),
    );
    this.#members[index] = member;
    await member.line(line => line.includes('ready to serve client requests'), 20_000);
  }

  /** Power cut by default: nothing is flushed, nobody is told. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await Promise.all(this.#members.map((_, index) => this.stopMember(index, signal)));
  }

  async stopMember(index: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#members[index]?.kill(signal);
  }

  /** All members hang: connections stand, nobody answers. */
  pause(): void {
    for (const member of this.#members) if (member) process.kill(member.pid, 'SIGSTOP');
  }

  resume(): void {
    for (const member of this.#members) {
      if (!member) continue;
      process.kill(member.pid, 'SIGCONT');
      member.wake();
    }
  }

  /** Which member leads, once one does. */
  leader(): Promise<number> {
    const asks = async () => {
      const alive = this.endpoints.filter((_, index) => this.#members[index]?.running);
      const argv = ['etcdctl', '--endpoints', alive.join(), 'endpoint', 'status', '-w', 'json'];
      const {stdout} = await this.#fabric.run(argv, {env: {ETCDCTL_API: '3'}});
      const members = JSON.parse(stdout) as {
        Endpoint: string;
        Status: {header: {member_id: number}; leader: number};
      }[];
      const leader = members.find(({Status}) => Status.header.member_id === Status.leader);
      return leader && this.endpoints.indexOf(leader.Endpoint);
    };
    return eventually(asks, {withinMs: 10_000, everyMs: 100, what: 'an etcd leader'});
  }

  async ctl(args: readonly string[], input?: string): Promise<string> {
    const argv = ['etcdctl', '--endpoints', this.endpoints.join(), ...args];
    const options = {env: {ETCDCTL_API: '3'}, ...(input !== undefined && {input})};
    return (await this.#fabric.run(argv, options)).stdout;
  }

  async put(key: string, value: string): Promise<void> {
    await this.ctl(['put', key], value);
  }

  async delete(key: string): Promise<void> {
    await this.ctl(['del', key]);
  }

  /** Everything below `prefix`, by key. */
  async list(prefix: string): Promise<readonly KeyValue[]> {
    const reply = JSON.parse(await this.ctl(['get', '--prefix', prefix, '-w', 'json'])) as {
      kvs?: {
        key: string;
        value?: string;
        create_revision: number;
        mod_revision: number;
        lease?: number;
      }[];
    };
    return (reply.kvs ?? []).map(kv => ({
      key: text(kv.key),
      value: text(kv.value ?? ''),
      createRevision: kv.create_revision,
      modRevision: kv.mod_revision,
      leaseId: String(kv.lease ?? 0),
    }));
  }

  #url(index: number, offset = 0): string {
    return `http://${this.#address}:${2379 + 2 * index + offset}`;
  }
}

const text = (base64: string) => Buffer.from(base64, 'base64').toString();
