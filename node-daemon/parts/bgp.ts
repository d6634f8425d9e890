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
import type {Family} from '#bgp-fsm';
import {AbsentPeers} from '../bgp/absent-peers.js';
import {createBgpAnswers} from '../bgp/api-answers.js';
import type {BgpWish} from '../bgp/config/input.js';
import {nodePeerName} from '../bgp/config/peer-names.js';
import {BgpWishes} from '../bgp/config/wishes.js';
import type {BgpKernelView, BgpWishView} from '../bgp/api.js';
import {BgpKernel, type BgpKernelStatus} from '../bgp/kernel/bgp-kernel.js';
import {KernelThread} from '../bgp/kernel/kernel-thread.js';
import {LastWishFile} from '../bgp/last-wish.js';
import {kernelOf} from '../bgp/kernel/open-kernel.js';
import {LinkNeighbours} from '../bgp/link-neighbours.js';
import type {OwnFacts} from '../bgp/own-facts.js';
import {RestartMarker} from '../bgp/restart-marker.js';
import {SpeakerHost, type HostMessage} from '../bgp/speaker-host.js';
import {systemClock} from '../datastore/clock.js';
import type {BgpAnswers} from '../http/bgp.js';
import type {StatusProblem} from '../http/status.js';
import {Attempts} from './attempts.js';
import type {Context} from './context.js';
import type {Part} from './part.js';

export interface BgpPart extends Part {
  readonly bgp: BgpAnswers;
}

interface Running {
  readonly host: SpeakerHost;
  readonly absent: AbsentPeers;
  readonly kernel: KernelThread;
}

const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];
const LOOK_MS = 50;
const MOST_LOOKS = 200;
const AGAIN_MS = 5000;

export function createBgp(context: Context, facts: OwnFacts): BgpPart {
  const {bootId, config, core, news} = context;
  const log = context.log.child({component: 'bgp'});
  const marker = new RestartMarker(config.stateDir, bootId);
  const lastWish = new LastWishFile(config.stateDir);
  let running: Running | undefined;
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
    running ??= await startSpeaker();
    if (wish.routes !== undefined) {
      running.host.tell({kind: 'localRoutes', routes: wish.routes});
    }
    running.host.tell({kind: 'installRoutes', isWanted: wish.installRoutes});
    running.host.configure(wish.config);
    await running.host.status(); // an answer: it knows. Others may rely on it from now on.
    await facts.set(wish.facts);
    if (wish.isRecalled !== true) await lastWish.keep(wish, wishes.passwords);
  }

  const notWritten = (err: unknown) => log.warn({err}, 'bgp marker not written');

  async function startSpeaker(): Promise<Running> {
    const kernel = await KernelThread.open({
      log,
      onHolding: families => void marker.note(families).catch(notWritten),
      onDeath(err) {
        death = `no learnt route is written any more: ${err.message}`;
        log.error({err}, 'bgp kernel thread died; restart twilld');
      },
    });
    const start = await marker.begin(kernel.held).catch(async (error: unknown) => {
      await kernel.stop();
      throw error;
    });
    const host = new SpeakerHost({
      ...{thread: 'own', routesTo: kernel.openPort(), start},
      onMessage: message => hear(absent, message),
      onDeath(err) {
        death = `the speaker died: ${err.message}`;
        log.error({err}, 'bgp speaker died; restart twilld');
      },
    });
    const absent = new AbsentPeers({
      ...{clock: systemClock, before: start.absent, absence: () => host.absence()},
      onChange: peers => void marker.noteAbsent(peers).catch(notWritten),
    });
    log.info(start, 'bgp speaker started');
    return {host, kernel, absent};
  }

  function hear(absent: AbsentPeers, message: HostMessage): void {
    switch (message.kind) {
      case 'peerState':
        return absent.hear(message.peer, message.state);
      case 'peerUp':
        log.info({peer: message.peer, asn: message.negotiated.peerAsn}, 'bgp session is up');
        return wishes.renew();
      case 'peerDown':
        log.warn({peer: message.peer, reason: message.words}, 'bgp session is down');
        return wishes.renew();
      case 'log':
        return log[message.level](message.fields, message.message);
      default:
        return;
    }
  }

  /** Nothing wishes for it any more: peers are told, and what it taught the kernel goes. */
  async function retire(wish: BgpWish): Promise<void> {
    if (running !== undefined) {
      const {absent, host, kernel} = running;
      running = undefined; // sessions that go are news, and who looks at the rest must not wait for one that leaves
      isSwept = false;
      absent.close();
      await host.leave({kind: 'deconfigure'});
      await kernel.stop();
      await marker.forget();
      log.info({}, 'bgp speaker retired');
    }
    await facts.set(undefined);
    await lastWish.keep(wish, wishes.passwords);
    if (isSwept) return;
    await sweepKernel(log);
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
      running?.absent.close();
      await running?.host.leave({kind: 'restart'});
      await running?.kernel.stop();
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

/** Also what an earlier process left: to one that selects nothing all of it is stale. */
async function sweepKernel(log: Context['log']): Promise<void> {
  const kernel = new BgpKernel({...kernelOf(), log, onNextHops: () => undefined});
  await kernel.start();
  for (const family of FAMILIES) kernel.sweep(family);
  for (let look = 0; look < MOST_LOOKS && isHolding(kernel); look++) {
    await new Promise<void>(resolve => systemClock.after(LOOK_MS, resolve));
  }
  await kernel.stop();
}

function isHolding(kernel: BgpKernel): boolean {
  const {routes} = kernel.status();
  return FAMILIES.some(family => routes[family].held > 0);
}
