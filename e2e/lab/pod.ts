/** A pod of the lab without a container runtime: a named network namespace on one host. Shell. */
import {randomBytes} from 'node:crypto';
import {fileURLToPath} from 'node:url';

import type {CniOutcome, CniResult, CniTarget} from './cni.js';
import type {Namespace} from './namespace.js';
import type {LongProcess, Output, RunOptions} from './process.js';

export interface Probe {
  readonly address: string;
  readonly port: number;
  readonly bytes: number;
  readonly withinMs: number;
}

export interface ProbeResult {
  readonly ok: boolean;
  readonly elapsedMs: number;
  readonly error?: string;
}

const program = fileURLToPath(new URL('agent.js', import.meta.url));
const echoPort = 7;

export class Pod implements CniTarget {
  readonly name: string;
  readonly host: Namespace;
  readonly containerId = randomBytes(32).toString('hex');
  readonly ifName = 'eth0';
  /** Of the ADD that succeeded last. */
  result: CniResult | undefined;
  #agent: Promise<LongProcess> | undefined;
  #requests = 0;

  constructor(host: Namespace, name: string) {
    this.host = host;
    this.name = name;
  }

  get netns(): string {
    return `/run/netns/${this.name}`;
  }

  /** Without prefix length, in the order of the result. */
  get addresses(): readonly string[] {
    return (this.result?.ips ?? []).map(({address}) => address.replace(/\/.*/, ''));
  }

  get ipv4(): string {
    return this.addresses.find(address => !address.includes(':')) ?? '';
  }

  get ipv6(): string {
    return this.addresses.find(address => address.includes(':')) ?? '';
  }

  learn(outcome: CniOutcome): void {
    if (outcome.exitCode === 0 && outcome.result) this.result = outcome.result;
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Output> {
    return this.host.run(argv, {...options, pod: this.name});
  }

  start(argv: readonly string[]): LongProcess {
    return this.host.start(argv, {pod: this.name});
  }

  async ip(args: string): Promise<string> {
    return (await this.run(['ip', ...args.split(' ')])).stdout;
  }

  async ping(address: string, {bytes = 56, waitSeconds = 2} = {}): Promise<boolean> {
    const family = address.includes(':') ? '-6' : '-4';
    const options = ['-c', '1', '-s', String(bytes), '-W', String(waitSeconds)];
    const {code} = await this.run(['busybox', 'ping', family, ...options, address], {
      mayFail: true,
    });
    return code === 0;
  }

  /** Answers other pods from now on. */
  async listen(): Promise<void> {
    await this.#startAgent();
  }

  /** Sends random bytes to each address by TCP; ok when the same bytes come back. The others must listen. */
  async echo(
    addresses: readonly string[],
    {bytes = 1400, withinMs = 5000, port = echoPort} = {},
  ): Promise<readonly ProbeResult[]> {
    const agent = await this.#startAgent();
    const id = ++this.#requests;
    const probes: Probe[] = addresses.map(address => ({address, port, bytes, withinMs}));
    agent.write(`${JSON.stringify({id, probes})}\n`);
    const reply = await agent.line(line => line.startsWith(`{"id":${id},`), withinMs + 5000);
    return (JSON.parse(reply) as {results: ProbeResult[]}).results;
  }

  #startAgent(): Promise<LongProcess> {
    this.#agent ??= this.#openAgent();
    return this.#agent;
  }

  async #openAgent(): Promise<LongProcess> {
    const agent = this.start([process.execPath, program, String(echoPort)]);
    await agent.line(line => line === 'listening', 10_000);
    return agent;
  }
}
