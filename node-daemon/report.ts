/**
 * What an operator is told as it happens: one log line per change of state, and the counters. Shell.
 */
import type {LeaseView, NameQuestion} from '#ipam';
import {formatAddress} from '#ipam';
import type {RecoveryPlan} from '../cni-plugin/recovery.js';
import type {Problem, Served} from '../cni-plugin/port.js';
import type {ReplayReport} from '../cni-plugin/tombstones.js';
import type {NameHolder} from './lease/name-holder.js';
import type {Metrics} from './http/metrics.js';
import type {Logger} from './log.js';
import type {UnderlayChoice} from './node/underlay.js';
import type {HostPass} from './reconcile/host-settings.js';
import type {KernelPass} from './reconcile/pass-meter.js';

export class Report {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  #isEtcdAway = false;
  #failedSettings = '';
  readonly #askers = new Set<string>();

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  lease({state, reason, leaseId, ranges}: LeaseView): void {
    const fields = {state, reason, leaseId, ranges: ranges.map(({cidr}) => cidr)};
    if (state === 'fenced' || state === 'unsafe') this.#log.error(fields, 'lease is not safe');
    else this.#log.info(fields, state === 'held' ? 'lease is held' : 'no lease yet');
  }

  nameTakenOver({uid, addresses}: NameHolder): void {
    const holder = {uid, addresses};
    this.#log.warn({holder}, "the node name was another machine's that did not answer: taken over");
  }

  /** It asks every half minute. */
  nameDefended({uid, addresses}: NameQuestion): void {
    const asker = {uid, addresses};
    const text = JSON.stringify(asker);
    if (this.#askers.has(text)) return;
    this.#askers.add(text);
    this.#log.warn({asker}, 'another machine has the name of this node, and was refused it');
  }

  underlay(choice: UnderlayChoice): void {
    if (choice.kind === 'none') {
      return this.#log.warn({reason: choice.reason}, 'no underlay; what is known of it stays');
    }
    const {name, mtu, addresses} = choice.underlay;
    const shown = Object.values(addresses).map(({address}) => formatAddress(address));
    const {missing} = choice;
    this.#log.info({interface: name, mtu, addresses: shown, missing}, 'underlay chosen');
  }

  etcdRead(revision: number): void {
    if (this.#isEtcdAway) this.#log.info({revision}, 'etcd was read again');
    this.#isEtcdAway = false;
  }

  etcdAway(error: unknown): void {
    if (this.#isEtcdAway) return;
    this.#isEtcdAway = true;
    this.#log.warn({err: error}, 'etcd is out of reach; going on with what is known');
  }

  recovered(
    {keep, confirm, undo, finish, broken, leaks}: RecoveryPlan,
    replay: ReplayReport,
  ): void {
    const lists = {keep, confirm, undo, finish, broken, leaks, replayed: replay.done};
    const counts = Object.entries(lists).map(([name, {length}]) => [name, length]);
    this.#log.info(Object.fromEntries(counts), 'pods recovered');
  }

  cniProblem({what, key, error}: Problem): void {
    this.#log.warn({err: error, key}, what);
  }

  /** A refusal is the runtime's to show; its stack would say nothing. */
  served({verb, code, durationMs, containerId, ifName, error}: Served): void {
    this.#metrics.observeCni(verb, code, durationMs / 1000);
    const ms = Math.round(durationMs * 100) / 100;
    const fields = {verb, containerId, ifName, durationMs: ms};
    if (error === undefined) return this.#log.debug(fields, 'cni verb served');
    const reason = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error ? error.cause : undefined;
    this.#log.warn(
      {...fields, code, reason, ...(cause !== undefined && {err: cause})},
      'cni verb refused',
    );
  }

  /** One duration for the pass, under the name of what caused it; counts table by table. */
  kernel({kind, durationMs, tables}: KernelPass): void {
    this.#metrics.observePass(kind, durationMs / 1000);
    for (const [table, {operations, failed}] of Object.entries(tables)) {
      this.#metrics.countOperations(table, operations, failed);
    }
  }

  settings({chainsWritten, sysctlsWritten, failed, durationMs}: HostPass): void {
    this.#metrics.observePass('settings', durationMs / 1000);
    const written = chainsWritten + sysctlsWritten.length;
    this.#metrics.countOperations('settings', written, failed.size);
    for (const change of sysctlsWritten) this.#log.info(change, 'sysctl changed');
    const text = [...failed].map(([key, {message}]) => `${key}: ${message}`).join('\n');
    if (text !== this.#failedSettings) {
      for (const [key, err] of failed) this.#log.warn({key, err}, 'host setting failed');
    }
    this.#failedSettings = text;
  }
}
