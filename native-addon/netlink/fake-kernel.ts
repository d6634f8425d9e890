/**
 * A kernel for tests: a NetlinkSocket that holds state. It decodes the bytes that the real one
 * would get, refuses with the real one's errno, answers in its bytes, and fails on demand.
 *
 * Not in it: forwarding, lookups, the local table, addresses' own routes, timers.
 */
import {constants} from 'node:os';

import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTM_SETLINK,
} from './constants.js';
import {NetlinkError} from './errors.js';
import {answerDump, answerGet, encodeLink} from './fake-dump.js';
import {addLink, changeLink, findLink, insertLink, removeLink} from './fake-links.js';
import {printState} from './fake-print.js';
import {changeNexthop, changeRoute} from './fake-routes.js';
import {createFakeState, type FakeState, type Verdict} from './fake-state.js';
import {changeAddress, changeNeighbour, changeRule} from './fake-tables.js';
import {decodeLink, type Link} from './link.js';
import {encodeBatch, Frames, type Message, type Request, type RequestBatch} from './message.js';
import type {DumpReader, NetlinkSocket} from './socket.js';

export type Fault =
  /** The next `times` requests whose op matches are refused; the state does not change. */
  | {readonly kind: 'refuse'; readonly op: RegExp; readonly code: string; readonly times?: number}
  /** The next `times` attempts of a dump are interrupted; from the sixth on the caller sees EINTR. */
  | {readonly kind: 'interrupt'; readonly times: number}
  /** The next `times` calls fail as a whole, as a broken socket does. */
  | {readonly kind: 'fail'; readonly code: string; readonly times?: number};

export interface FakeMonitor {
  readonly onMessage: (message: Message) => void;
  readonly onResync: (why: string) => void;
}

type Armed = Fault & {left: number};

const DUMP_ATTEMPTS = 6; // as socket.ts

export class FakeKernel implements NetlinkSocket {
  readonly port = 0; // its notifications name nobody
  readonly state: FakeState = createFakeState();
  /** Every request so far, by name, refused ones too. */
  readonly log: string[] = [];
  closed = false;
  readonly #namespaces = new Map<number, FakeKernel>();
  readonly #monitors = new Set<FakeMonitor>();
  readonly #faults: Armed[] = [];

  constructor() {
    const flags = {up: false, running: false, flags: 0, group: 0};
    insertLink(this.state, {...flags, index: 1, name: 'lo', mtu: 65536, mac: new Uint8Array(6)});
  }

  /** The namespace that a veth's peer lands in when its request names that descriptor. */
  namespaceAt(fd: number): FakeKernel {
    let kernel = this.#namespaces.get(fd);
    if (kernel === undefined) {
      kernel = new FakeKernel();
      this.#namespaces.set(fd, kernel);
    }
    return kernel;
  }

  inject(fault: Fault): void {
    this.#faults.push({...fault, left: fault.times ?? 1});
  }

  /** Hears of every change from now on. */
  monitor(monitor: FakeMonitor): {close(): void} {
    this.#monitors.add(monitor);
    return {close: () => this.#monitors.delete(monitor)};
  }

  /** What ENOBUFS does to the listeners. */
  overrun(): void {
    for (const monitor of this.#monitors) monitor.onResync('overrun');
  }

  print(): string {
    return printState(this.state);
  }

  async send(requests: readonly Request[]): Promise<readonly (NetlinkError | undefined)[]> {
    this.#enter(requests[0]);
    return requests.map(request => this.#handle(request));
  }

  async sendBatch(batch: RequestBatch): Promise<readonly (NetlinkError | undefined)[]> {
    const frames = new Frames(batch.encode(0, 0, 0).bytes);
    const requests: Request[] = [];
    while (frames.next()) requests.push({...frames.message(), op: batch.opAt(requests.length)});
    return this.send(requests);
  }

  async must(requests: readonly Request[]): Promise<void> {
    for (const error of await this.send(requests)) if (error !== undefined) throw error;
  }

  async dump(request: Request): Promise<readonly Message[]> {
    let messages: Message[] = [];
    await this.read(request, {
      onBegin: () => (messages = []),
      onObject: frames => messages.push(frames.message()),
    });
    return messages;
  }

  /** What is interrupted shows one object first. */
  async read(request: Request, {onBegin, onObject}: DumpReader): Promise<void> {
    this.#enter(request);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) throw refusal;
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const answer = answerDump(this.state, request);
      if (answer === undefined) throw fail(request.op, 'EOPNOTSUPP');
      const isInterrupted = this.#take('interrupt') !== undefined;
      const shown = isInterrupted ? answer.slice(0, 1) : answer;
      const frames = new Frames(encodeBatch(shown.map(toRequest), 0, 0).bytes);
      onBegin();
      while (frames.next()) onObject(frames);
      if (!isInterrupted) return;
    }
    throw fail(request.op, 'EINTR');
  }

  async get(request: Request): Promise<Message | undefined> {
    this.#enter(request);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) throw refusal;
    return answerGet(this.state, request);
  }

  close(): void {
    this.closed = true;
  }

  #enter(request: Request | undefined): void {
    const op = request?.op ?? 'netlink';
    if (this.closed) throw fail(op, 'ECANCELED');
    const fault = this.#take('fail');
    if (fault?.kind === 'fail') throw fail(op, fault.code);
  }

  #handle(request: Request): NetlinkError | undefined {
    this.log.push(request.op);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) return refusal;
    const before = this.#linkOf(request);
    const verdict = this.#change(request);
    if (verdict !== undefined) return fail(request.op, verdict);
    this.#notify(request, this.#linkOf(request) ?? before);
    return undefined;
  }

  #change(request: Request): Verdict {
    switch (request.type) {
      case RTM_NEWLINK:
        return addLink(this.state, request, netns =>
          netns === undefined ? this.state : this.namespaceAt(netns.fd).state,
        );
      case RTM_SETLINK:
        return changeLink(this.state, request);
      case RTM_DELLINK:
        return removeLink(this.state, request);
      case RTM_NEWADDR:
      case RTM_DELADDR:
        return changeAddress(this.state, request);
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        return changeRoute(this.state, request);
      case RTM_NEWNEXTHOP:
      case RTM_DELNEXTHOP:
        return changeNexthop(this.state, request);
      case RTM_NEWNEIGH:
      case RTM_DELNEIGH:
        return changeNeighbour(this.state, request);
      case RTM_NEWRULE:
      case RTM_DELRULE:
        return changeRule(this.state, request);
      default:
        return 'EOPNOTSUPP';
    }
  }

  /** The kernel tells of a link as it is, of other objects as they were asked for. */
  #notify({type, payload}: Request, link: Link | undefined): void {
    const of = type === RTM_SETLINK ? RTM_NEWLINK : type;
    const message = {type: of, flags: 0, payload: link ? encodeLink(link).payload : payload};
    for (const monitor of this.#monitors) monitor.onMessage(message);
  }

  #linkOf({type, payload}: Request): Link | undefined {
    const isLink = type === RTM_NEWLINK || type === RTM_DELLINK || type === RTM_SETLINK;
    return isLink ? findLink(this.state, decodeLink(payload)) : undefined;
  }

  #refusal(request: Request): NetlinkError | undefined {
    const fault = this.#faults.find(armed => armed.kind === 'refuse' && armed.op.test(request.op));
    if (fault?.kind !== 'refuse') return undefined;
    this.#spend(fault);
    return fail(request.op, fault.code);
  }

  #take(kind: Fault['kind']): Armed | undefined {
    const fault = this.#faults.find(armed => armed.kind === kind);
    if (fault !== undefined) this.#spend(fault);
    return fault;
  }

  #spend(fault: Armed): void {
    fault.left--;
    if (fault.left <= 0) this.#faults.splice(this.#faults.indexOf(fault), 1);
  }
}

function toRequest(message: Message): Request {
  return {...message, op: 'answer'};
}

function fail(op: string, code: string): NetlinkError {
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return new NetlinkError(op, numbers[code] ?? constants.errno.EIO);
}
