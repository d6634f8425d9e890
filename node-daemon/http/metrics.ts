/**
 * What Prometheus reads. Shell around prom-client, which does not leak out. Gauges are read when
 * scraped, so that a daemon nobody scrapes pays nothing for them; only the CNI verbs and the reconcile
 * passes are counted as they happen.
 */
import {Counter, Gauge, Histogram, Registry} from 'prom-client';
import type {BgpOverview} from '../bgp/api.js';
import {createBgpMetrics} from './bgp-metrics.js';
import type {LeaseState, RangeStatus} from './status.js';

/** The daemon now; cheaper than a NodeStatus, which names every peer. */
export interface MetricsSample {
  readonly ready: boolean;
  readonly leaseState: LeaseState;
  readonly ranges: readonly RangeStatus[];
  readonly attachments: number;
  readonly peers: number;
  readonly problems: number;
  readonly etcdConnected: boolean;
  readonly etcdResyncs: number; // since start
  readonly bgp?: BgpOverview | undefined; // undefined: no speaker runs
}

export interface Metrics {
  /** `code` is the CNI error code, 0 for success. */
  observeCni(verb: string, code: number, seconds: number): void;
  /** `pass` says what was looked at: 'resync', 'update' or 'settings'. */
  observePass(pass: string, seconds: number): void;
  countOperations(table: string, accepted: number, refused: number): void;
  /** The text of /metrics. */
  render(sample: MetricsSample): Promise<string>;
}

const leaseStates: readonly LeaseState[] = ['none', 'held', 'unsafe', 'fenced'];

export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  const registers = [registry];

  const updateGauges = createGauges(registry, version);
  const updateBgp = createBgpMetrics(registry);

  const cni = new Histogram({
    name: 'twill_cni_request_duration_seconds',
    help: 'Time a CNI verb took in the daemon, by verb and CNI error code (0: success)',
    labelNames: ['verb', 'code'],
    buckets: [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.5, 1, 2, 5, 10, 20],
    registers,
  });
  const operations = new Counter({
    name: 'twill_reconcile_operations_total',
    help: 'Changes made in the kernel, by table',
    labelNames: ['table'],
    registers,
  });
  const failures = new Counter({
    name: 'twill_reconcile_failed_total',
    help: 'Changes the kernel refused, by table',
    labelNames: ['table'],
    registers,
  });
  const passes = new Histogram({
    name: 'twill_reconcile_duration_seconds',
    help: 'Time of one pass: resync (all of the kernel), update (what changed) or settings',
    labelNames: ['pass'],
    buckets: [0.001, 0.004, 0.016, 0.064, 0.25, 1, 4, 16],
    registers,
  });

  return {
    observeCni: (verb, code, seconds) => cni.observe({verb, code}, seconds),
    observePass: (pass, seconds) => passes.observe({pass}, seconds),
    countOperations(table, accepted, refused) {
      operations.inc({table}, accepted);
      failures.inc({table}, refused);
    },
    render(sample) {
      updateGauges(sample);
      updateBgp(sample.bgp);
      return registry.metrics();
    },
  };
}

function createGauges(registry: Registry, version: string): (sample: MetricsSample) => void {
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({name: `twill_${name}`, help, labelNames, registers: [registry]});

  const build = gauge('build_info', 'Always 1; the version is the label', [
    'version',
    'node_version',
  ]);
  const ready = gauge('ready', '1 once the first reconcile after the first full sync is done');
  const lease = gauge('lease_state', '1 for the state the lease of this node is in', ['state']);
  const ranges = gauge('ranges', 'Ranges of addresses this node holds');
  const used = gauge('addresses_used', 'Addresses that pods of this node have', ['range', 'pool']);
  const total = gauge('addresses_total', 'Addresses that pods of this node can have', [
    'range',
    'pool',
  ]);
  const attachments = gauge('attachments', 'Interfaces of pods on this node');
  const peers = gauge('peers', 'Other nodes that are known');
  const problems = gauge('problems', 'Open problems, as /v1/status lists them');
  const connected = gauge('etcd_connected', '1 while the watch on etcd runs');
  const memory = gauge('process_resident_memory_bytes', 'Resident memory of the daemon');
  const resyncs = new Counter({
    name: 'twill_etcd_resyncs_total',
    help: 'Full lists from etcd',
    registers: [registry],
  });

  build.set({version, node_version: process.version}, 1);
  return sample => {
    ready.set(Number(sample.ready));
    for (const state of leaseStates) lease.set({state}, Number(sample.leaseState === state));
    ranges.set(sample.ranges.length);
    used.reset(); // a range that was given back leaves no line behind
    total.reset();
    for (const range of sample.ranges) {
      used.set({range: range.cidr, pool: range.pool}, range.used);
      total.set({range: range.cidr, pool: range.pool}, range.size - range.reserved);
    }
    attachments.set(sample.attachments);
    peers.set(sample.peers);
    problems.set(sample.problems);
    connected.set(Number(sample.etcdConnected));
    memory.set(process.memoryUsage.rss());
    resyncs.reset();
    resyncs.inc(sample.etcdResyncs);
  };
}
