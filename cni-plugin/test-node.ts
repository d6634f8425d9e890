/**
 * A node for tests: a real AddressBook in a temporary directory, a kernel that the test chooses,
 * and requests as the binary sends them. Not part of the program.
 */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {AddressBook, type Range} from '#ipam';
import {createContext, type CniContext} from './context.js';
import {decodeReply, encodeFrame, type Frame} from './frame.js';
import type {CniOptions, Clock, Kernel, NodeState, Problem} from './port.js';
import {serve, type Incoming} from './server.js';

export interface TestNode {
  readonly context: CniContext;
  readonly book: AddressBook;
  readonly dir: string;
  readonly problems: readonly Problem[];
  readonly clock: ManualClock;
  state: NodeState;
  call(fields: Partial<Frame>, from?: Partial<Incoming>): Promise<Answer>;
}

export interface Answer {
  readonly exitCode: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a runtime would parse
  readonly json: any;
  readonly settled: Promise<unknown>;
}

export interface TestNodeOptions {
  readonly kernel: Kernel;
  readonly ranges?: readonly Range[];
  readonly cni?: Partial<CniOptions>;
  readonly dir?: string;
  /** The default is a clock that only the test moves. */
  readonly clock?: Clock;
}

export const RANGES: readonly Range[] = [
  {cidr: '10.244.3.0/26', family: 'ipv4', pool: 'default'},
  {cidr: 'fd00:3::/122', family: 'ipv6', pool: 'default6'},
];

const READY: NodeState = {
  ready: true,
  ranges: 'held',
  canServe: true,
  mtu: 1450,
  families: ['ipv4', 'ipv6'],
};

/** The caller registers `t.teardown(() => closeNode(node))`. */
export async function openNode(options: TestNodeOptions): Promise<TestNode> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'twill-cni-')));
  const book = await AddressBook.open({dir, bootId: 'boot', now: () => new Date().toISOString()});
  book.setRanges(options.ranges ?? RANGES);
  const problems: Problem[] = [];
  const clock = new ManualClock();
  const context = createContext({
    book,
    kernel: options.kernel,
    node: {state: () => node.state},
    clock: options.clock ?? clock,
    onProblem: problem => problems.push(problem),
    ...options.cni,
  });
  const node: TestNode = {
    context,
    book,
    dir,
    problems,
    clock,
    state: READY,
    call: (fields, from) => call(context, fields, from),
  };
  return node;
}

export async function closeNode({book, dir}: TestNode): Promise<void> {
  await book.close();
  await rm(dir, {recursive: true, force: true});
}

/** Milliseconds that pass when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  #timers = new Map<object, {at: number; callback: () => void}>();

  now(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): () => void {
    const handle = {};
    this.#timers.set(handle, {at: this.#now + delayMs, callback});
    return () => void this.#timers.delete(handle);
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const [handle, {at, callback}] of this.#timers) {
      if (at > this.#now) continue;
      this.#timers.delete(handle);
      callback();
    }
  }
}

export function networkConfig(extra: object = {}): Uint8Array {
  return Buffer.from(JSON.stringify({cniVersion: '1.1.0', name: 'twill', type: 'twill', ...extra}));
}

export function frameOf(fields: Partial<Frame>): Frame {
  return {
    command: 'ADD',
    containerId: 'c1',
    netnsPath: '/run/netns/pod',
    ifName: 'eth0',
    args: '',
    path: '/opt/cni/bin',
    stdin: networkConfig(),
    ipamResult: new Uint8Array(),
    ...fields,
  };
}

async function call(
  context: CniContext,
  fields: Partial<Frame>,
  from: Partial<Incoming> = {},
): Promise<Answer> {
  const data = encodeFrame(frameOf(fields));
  const {reply, settled} = await serve(context, {data, descriptor: undefined, ...from});
  const {exitCode, stdout} = decodeReply(reply);
  return {exitCode, json: stdout === '' ? undefined : JSON.parse(stdout), settled};
}
