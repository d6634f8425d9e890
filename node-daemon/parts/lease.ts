/**
 * This node's lease, its ranges and its own record in etcd. Shell.
 *
 * The journal may hand out addresses of the ranges from the moment they are told here.
 */
import {openEtcd, parsePrefix, type LeaseView} from '#ipam';
import type {OwnFacts} from '../bgp/own-facts.js';
import {nodeKey} from '../datastore/records/keys.js';
import {concernsNetwork, type StoreEvent} from '../datastore/store-event.js';
import type {StatusProblem} from '../http/status.js';
import {NodeLease} from '../lease/node-lease.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface LeasePart extends Part {
  readonly lease: NodeLease;
}

export function createLease(context: Context, facts: OwnFacts): LeasePart {
  const {book, bootId, config, core, createdAt, etcd, machine, news, report} = context;
  const {prefix} = config.etcd;
  const lease = new NodeLease({
    store: openEtcd(etcd),
    ...{prefix, bootId, createdAt, machine, stateDir: config.stateDir, labels: config.node.labels},
    state: () => core.state(),
    bgp: () => facts.current,
    onChange(view) {
      report.lease(view);
      book.setRanges(view.ranges);
      core.dispatch({kind: 'ranges', ranges: toPrefixes(view)});
    },
    onNameTakenOver: holder => report.nameTakenOver(holder),
    onNameDefended: asker => report.nameDefended(asker),
  });

  const ownKey = nodeKey(prefix, config.node.name);
  news.records.on(events => {
    if (events.some(event => mayConcern(ownKey, event, lease))) lease.renewRecord();
    if (core.state().synced && events.some(concernsNetwork)) lease.takeResources();
  });
  news.state.on(event => {
    if (event.kind === 'underlay' && event.underlay !== undefined) lease.renewRecord();
  });
  news.nameClaims.on(changes => lease.hearNameClaims(changes));
  facts.onChange = () => lease.renewRecord();
  news.moved.on(() => lease.renewConnection());
  return {
    lease,
    async start() {
      await facts.load();
      await lease.start();
    },
    stop: () => lease.stop(),
    problems: () => problemsOf(lease.view()),
  };
}

/** Deleted by hand, gone with an etcd that was wiped, or another's: the others wire us from our record. */
function mayConcern(ownKey: string, event: StoreEvent, lease: NodeLease): boolean {
  if (event.kind === 'synced') return true;
  if (event.key !== ownKey) return false;
  if (event.kind === 'put') return event.record.kind === 'Node' && lease.isTaken(event.record);
  return event.kind === 'delete';
}

function toPrefixes({ranges}: LeaseView) {
  return ranges.map(({cidr}) => parsePrefix(cidr)).filter(each => each !== undefined);
}

function problemsOf({state, reason}: LeaseView): readonly StatusProblem[] {
  const isWrong = reason !== undefined || state === 'unsafe' || state === 'fenced';
  return isWrong ? [{key: 'lease', message: reason ?? state}] : [];
}
