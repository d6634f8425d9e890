/**
 * What the daemon says of itself: the body of GET /v1/status, and all of `twillctl node status -o json`. Pure.
 * Times are ISO 8601.
 */
export type LeaseState = 'none' | 'held' | 'unsafe' | 'fenced';

export interface NodeStatus {
  readonly node: string;
  readonly uid: string;
  readonly version: string;
  readonly ready: boolean;
  readonly since: string; // start of this process
  readonly backend: string;
  readonly mtu: number; // of pods
  readonly underlay: {readonly address?: string; readonly address6?: string};
  readonly device?: DeviceStatus; // absent where the backend has none
  readonly lease: LeaseStatus;
  readonly etcd: EtcdStatus;
  readonly peers: readonly PeerStatus[];
  readonly bgp?: BgpStatus; // absent where no speaker runs
  readonly attachments: number;
  readonly reconcile: ReconcileStatus;
  readonly problems: readonly StatusProblem[]; // open ones, each under what it is about
}

export interface DeviceStatus {
  readonly name: string; // twill.4096
  readonly mac: string;
  readonly address?: string;
  readonly address6?: string;
}

export interface LeaseStatus {
  readonly id?: string; // etcd's, decimal
  readonly state: LeaseState;
  readonly ranges: readonly RangeStatus[];
  readonly safeUntil?: string; // no new addresses after it unless the lease is renewed
  readonly reason?: string; // why the state is not 'held'
}

export interface RangeStatus {
  readonly cidr: string;
  readonly pool: string;
  readonly size: number; // all addresses of the range
  readonly used: number; // by pods
  readonly reserved: number; // never handed out, the host's own included
}

export interface EtcdStatus {
  readonly connected: boolean;
  readonly revision: number; // of the last event or list
  readonly resyncs: number; // lists since start
  readonly lastError?: string;
}

export interface PeerStatus {
  readonly name: string;
  readonly address?: string;
  readonly address6?: string;
  readonly ranges: readonly string[];
  readonly problems: readonly string[];
}

/** `twillctl bgp peers` says more. */
export interface BgpStatus {
  readonly asn: number;
  readonly identifier: string;
  readonly sessions: number;
  readonly established: number;
  readonly restarting: boolean; // routes of the process before are kept until peers have repeated theirs
  readonly routes: number; // learnt ones in the kernel, both families
  readonly staleRoutes: number; // of them, kept from the process before
  readonly refused: number; // changes that the kernel refuses
  readonly down: readonly BgpDownStatus[]; // sessions that are not established
}

export interface BgpDownStatus {
  readonly name: string;
  readonly address: string;
  readonly state: string;
  readonly reason?: string; // the last error, or that it is shut down
}

export interface ReconcileStatus {
  readonly tables: readonly TableStatus[];
  readonly lastErrors: readonly ReconcileError[]; // what fails now; the latest to begin first
}

export interface TableStatus {
  readonly name: string; // routes, neighbours, fdb, nexthops…
  readonly desired: number;
  readonly failing: number; // keys that are not as desired
  readonly operations: number; // since start
  readonly lastRun?: string; // end of the last pass that left nothing failing
  readonly lastRunMs?: number; // duration of the last pass, however it went
}

export interface ReconcileError {
  readonly table: string;
  readonly key: string;
  readonly message: string;
  readonly at: string; // since when
}

export interface StatusProblem {
  readonly key: string;
  readonly message: string;
}

/** The body of /healthz and /readyz; 503 where `ok` is false. */
export interface Verdict {
  readonly ok: boolean;
  readonly reasons: readonly string[];
}
