/** What the verbs need of the world. The daemon fills it in; tests fill it with fakes. Types only. */
import type {AddressBook} from '#ipam';
import type {Family, NetlinkSocket} from '#native-addon';
import type {CniCode} from './error.js';
import type {Verb} from './version.js';

export interface NodeState {
  /** The first reconcile after the first full sync is done. */
  readonly ready: boolean;
  /** Pods can be wired: a restarted daemon can before it is ready, where etcd is away. */
  readonly canServe: boolean;
  /** `none`: no range was had yet. `unsafe`: the lease ran out, is about to, or somebody else has a range. */
  readonly ranges: 'held' | 'none' | 'unsafe';
  /** Why not, for a person. */
  readonly reason?: string;
  /** Of pod interfaces, octets. */
  readonly mtu: number;
  /** What a pod gets when it asks for nothing: the families for which the node holds ranges. */
  readonly families: readonly Family[];
}

export interface NodeView {
  state(): NodeState;
}

/** A namespace by the identity of its nsfs file. */
export interface NamespaceId {
  readonly dev: number;
  readonly ino: number;
}

export interface Kernel {
  readonly host: NetlinkSocket;
  /** A socket of its own: deleting a link waits 20 ms for an RCU grace period, and ADDs must not. */
  readonly deletions: NetlinkSocket;
  readonly hostNamespace: NamespaceId;
  /** Of a descriptor that came with a request. @throws when it is no open file. */
  identify(descriptor: number): NamespaceId;
  /** @throws NetlinkError when the descriptor is no network namespace. */
  openPod(descriptor: number): Promise<NetlinkSocket>;
  /** Clears disable_ipv6 of `lo` and of the interface inside the namespace. */
  enableIpv6(descriptor: number, ifName: string): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once; the returned function takes it back. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Something that could not be put right on the spot and is tried again or left for recovery. */
export interface Problem {
  readonly what: string;
  readonly key?: string; // <containerId>/<ifName>
  readonly error?: unknown;
}

/** One verb served, for logs and metrics. */
export interface Served {
  readonly verb: Verb | 'unknown';
  readonly containerId: string;
  readonly ifName: string;
  readonly code: CniCode | 0;
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface CniOptions {
  readonly book: AddressBook;
  readonly kernel: Kernel;
  readonly node: NodeView;
  readonly clock: Clock;
  /** Default 20 s, shorter than kubelet's and containerd's own. */
  readonly addDeadlineMs?: number;
  /** How long a verb other than ADD may take; default 20 s. */
  readonly deadlineMs?: number;
  onProblem?(problem: Problem): void;
  onServed?(served: Served): void;
}
