/**
 * The CNI verbs on their socket. Shell.
 *
 * They are served before etcd was reached: a node that knows its ranges from lease.json serves pods
 * through an outage.
 */
import {systemClock} from '../../cni-plugin/kernel.js';
import type {CniOptions} from '../../cni-plugin/port.js';
import {toNodeState} from '../cni/node-view.js';
import {ProblemList} from '../cni/problem-list.js';
import type {RightOfWay} from '../bgp/right-of-way.js';
import {startCniService, type CniService} from '../cni/service.js';
import type {LivenessView} from '../http/liveness.js';
import type {NodeLease} from '../lease/node-lease.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface CniPart extends Part {
  life(): LivenessView['cni'];
}

export interface CniNeeds {
  readonly lease: NodeLease;
  readonly isReady: () => boolean;
  readonly underlayReason: () => string | undefined;
  readonly verbs: RightOfWay;
}

export function createCni(context: Context, needs: CniNeeds): CniPart {
  const {config, log, news, report} = context;
  const problems = new ProblemList();
  let service: CniService | undefined;

  news.state.on(event => {
    if (event.kind === 'attachment-gone') problems.settle(`${event.containerId}/${event.ifName}`);
  });
  return {
    async start() {
      service = await startCniService({
        socket: config.cni.socket,
        stateDir: config.stateDir,
        cni: toCniOptions(context, needs, problems),
        verbs: needs.verbs,
        onRecovered: (plan, replayed) => report.recovered(plan, replayed),
        onClientError: error => log.warn({err: error}, 'cni request turned away'),
      });
    },
    stop: () => service?.close(),
    problems: () => problems.list(),
    life() {
      if (service === undefined) return 'starting';
      return service.isReachable() ? 'served' : 'gone';
    },
  };
}

function toCniOptions(
  {book, config, core, kernel, report}: Context,
  {lease, isReady, underlayReason}: CniNeeds,
  problems: ProblemList,
): CniOptions {
  const state = () =>
    toNodeState({
      state: core.state(),
      lease: lease.view(),
      isReady: isReady(),
      poolFamilies: lease.families(),
      underlayReason: underlayReason(),
    });
  return {
    ...{book, kernel, clock: systemClock, addDeadlineMs: config.cni.addTimeoutMs, node: {state}},
    onProblem(problem) {
      problems.add(problem);
      report.cniProblem(problem);
    },
    onServed: served => report.served(served),
  };
}
