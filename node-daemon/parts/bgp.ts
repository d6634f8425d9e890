/**
 * The node's BGP speaker: runs while the records wish for one. It and what writes its routes have a thread
 * each, so that CNI verbs wait for neither. Shell.
 *
 *   state ── wishes ──> speaker ── selected, sweep ──> kernel    past this thread: a port between the two
 *              ^            └── next hops <──────────────┘
 *              ├── sessions that came or went
 *              └── facts, to the node's record, once the speaker knows of them
 *
 * Learnt routes outlive it: stopped or killed, it leaves them and says nothing to its peers, so that they
 * keep ours. Only a wish without a speaker takes it down for good, and its routes with it.
 */
import {createBgpAnswers} from '../bgp/api-answers.js';
import type {BgpWish} from '../bgp/config/input.js';
import {nodePeerName} from '../bgp/config/peer-names.js';
import {BgpWishes} from '../bgp/config/wishes.js';
import type {BgpKernelView, BgpWishView} from '../bgp/api.js';
import type {BgpKernelStatus} from '../bgp/kernel/bgp-kernel.js';
import {sweepKernel} from '../bgp/kernel/sweep.js';
import {LastWishFile} from '../bgp/last-wish.js';
import {LinkNeighbours} from '../bgp/link-neighbours.js';
import type {OwnFacts} from '../bgp/own-facts.js';
import {RestartMarker} from '../bgp/restart-marker.js';
import type {RightOfWay} from '../bgp/right-of-way.js';
import {RunningSpeaker} from '../bgp/running-speaker.js';
import {systemClock} from '../datastore/clock.js';
import type {BgpAnswers} from '../http/bgp.js';
import type {StatusProblem} from '../http/status.js';
import {Attempts} from './attempts.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface BgpPart extends Part {
  readonly bgp: BgpAnswers;
}

const AGAIN_MS = 5000;

export function createBgp(context: Context, facts: OwnFacts, verbs: RightOfWay): BgpPart {
  const {bootId, config, core, news} = context;
  const log = context.log.child({component: 'bgp'});
  const marker = new RestartMarker(config.stateDir, bootId);
  const lastWish = new LastWishFile(config.stateDir);
  let running: RunningSpeaker | undefined;
  let death: string | undefined; // of a thread
  let isStopped = false;
  let isSwept = false; // no learnt route is in the kernel

  const attempts = new Attempts<BgpWish>({
    ...{fulfil, clock: systemClock, againMs: AGAIN_MS},
    onError: err => log.error({err}, 'bgp is not as configured; it is tried again'),
  });
  const wishes = new BgpWishes({
    labels: config.node.labels,
    etcdEndpoints: config.etcd.endpoints,
    secretsDir: config.secretsDir,
    clock: systemClock,
    state: () => core.state(),
    sessions: async () => (await running?.host.status())?.peers ?? [],
    onWish: wish => attempts.wish(wish),
    onError: err => log.error({err}, 'bgp could not be derived'),
  });
  news.state.on(() => wishes.renew());
  const links = new LinkNeighbours({
    log: (level, message, fields) => log[level](fields, message),
    onChange: neighbours => wishes.setLinkNeighbours(neighbours),
  });

  async function fulfil(wish: BgpWish): Promise<void> {
    if (isStopped) return;
    links.watch(wish.links);
    if (wish.config === undefined) return retire(wish);
    if (wish.isRecalled) log.info({}, 'etcd or its BGPConfig is not known yet: bgp as before');
    running ??= await RunningSpeaker.start({
      ...{log, marker, verbs},
      onSession: () => wishes.renew(),
      onDeath: words => (death = words),
    });
    if (wish.routes !== undefined) {
      running.host.tell({kind: 'localRoutes', routes: wish.routes});
    }
    running.host.tell({kind: 'installRoutes', isWanted: wish.installRoutes});
    running.host.configure(wish.config);
    await running.host.status(); // an answer: it knows. Others may rely on it from now on.
    await facts.set(wish.facts);
    if (wish.isRecalled !== true) await lastWish.keep(wish, wishes.passwords);
  }

  /** Nothing wishes for it any more: peers are told, and what it taught the kernel goes. */
  async function retire(wish: BgpWish): Promise<void> {
    if (running !== undefined) {
      const leaving = running;
      running = undefined; // sessions that go are news, and who looks at the rest must not wait for one that leaves
      isSwept = false;
      await leaving.stop({kind: 'deconfigure'});
      await marker.forget();
      log.info({}, 'bgp speaker retired');
    }
    await facts.set(undefined);
    await lastWish.keep(wish, wishes.passwords);
    if (isSwept) return;
    await sweepKernel(log, verbs);
    isSwept = true;
  }

  return {
    async start() {
      wishes.recall(await lastWish.load());
      await wishes.start();
    },
    async stop() {
      isStopped = true;
      wishes.close();
      links.close();
      await attempts.stop();
      await running?.stop({kind: 'restart'});
      await marker.flush();
    },
    death: () => death,
    problems(): readonly StatusProblem[] {
      const {failure} = attempts;
      const unfulfilled = failure && `not as configured: ${failure}`;
      const wrong = [death, unfulfilled].filter(message => message !== undefined);
      const ours = wrong.map(message => ({key: 'bgp', message}));
      return [...ours, ...(wishes.wish?.problems ?? [])];
    },
    bgp: createBgpAnswers({
      speaker: () => running?.host,
      clock: systemClock,
      kernel: () => running?.kernel.status().then(toKernelView),
      self: () => ({
        node: config.node.name,
        asn: wishes.wish?.config?.asn ?? 0,
        identifier: wishes.wish?.config?.identifier ?? 0,
      }),
      wish: () => toWishView(wishes.wish),
    }),
  };
}

function toWishView(wish: BgpWish | undefined): BgpWishView {
  return {withheld: wish?.withheld ?? [], kept: (wish?.kept ?? []).map(nodePeerName)};
}

function toKernelView({routes, refused}: BgpKernelStatus): BgpKernelView {
  return {routes, refused};
}
