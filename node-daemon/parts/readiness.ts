/**
 * When the node is ready: what etcd says is in the kernel and its ranges are claimed. Shell. Once true,
 * it stays so: a node that served pods goes on, whatever is away.
 */
import type {HostSettings} from '../reconcile/host-settings.js';
import type {NodeLease} from '../lease/node-lease.js';
import type {Reflector} from '../datastore/reflector.js';
import type {Verdict} from '../http/status.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

/** How long the first claim of a range may hold up the ready line: without etcd's help it never comes. */
const FIRST_CLAIM_MS = 5000;

export interface Readiness extends Part {
  isReady(): boolean;
  verdict(): Verdict;
}

export interface ReadinessNeeds {
  readonly lease: NodeLease;
  readonly settings: HostSettings;
  readonly reflector: Reflector;
  readonly underlayReason: () => string | undefined;
}

export function createReadiness({core, log}: Context, needs: ReadinessNeeds): Readiness {
  const {lease, settings, reflector, underlayReason} = needs;
  let isReady = false;
  let isStopped = false;

  async function becomeReady(): Promise<void> {
    await core.firstPassDone;
    await lease.firstClaim(FIRST_CLAIM_MS);
    await settings.run();
    await core.settled();
    if (isStopped) return;
    isReady = true;
    const {state, ranges} = lease.view();
    const {nodes} = core.state();
    const cidrs = ranges.map(({cidr}) => cidr);
    log.info({ready: true, lease: state, ranges: cidrs, peers: nodes.size}, 'ready');
  }

  function reason(): string {
    const withoutUnderlay = underlayReason();
    if (withoutUnderlay !== undefined) return withoutUnderlay;
    if (core.state().synced) return 'the first reconcile is under way';
    return `etcd was not read yet: ${reflector.status().lastError ?? 'connecting'}`;
  }

  return {
    start() {
      becomeReady().catch((error: unknown) =>
        log.error({err: error}, 'bug: never ready; restart twilld'),
      );
    },
    stop() {
      isStopped = true;
    },
    isReady: () => isReady,
    verdict: () => ({ok: isReady, reasons: isReady ? [] : [reason()]}),
  };
}
