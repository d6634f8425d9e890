/**
 * What happens to the cluster: faults that are over when the step is, and changes that stay. Shell.
 * Steps of one burst run at once; those that need the same thing (`locks`) are never in one burst.
 */
import {setTimeout as pause} from 'node:timers/promises';

import {changeConfig, changeEdge, changeNetwork, changeRouter} from './changes.js';
import type {Random} from './random.js';
import {type NodeName, nodeNames} from './wish.js';
import type {World} from './world.js';

export interface Step {
  readonly words: string;
  readonly locks: readonly string[];
  run(): Promise<void>;
}

type Maker = (random: Random, world: World) => Step;

/** How often each is chosen, beside each other. */
const makers: readonly (readonly [weight: number, Maker])[] = [
  [6, restartDaemon],
  [1, rebootNode],
  [2, restartEtcd],
  [2, flapLink],
  [1, downLink],
  [1, losePackets],
  [4, addOrDeletePods],
  [8, change(changeEdge)],
  [6, change(changeConfig)],
  [3, change(changeNetwork)],
  [3, change(changeRouter)],
  [3, restartRouter],
  [1, exceedPrefixes],
  [2, removeOurs],
  [1, changeTwice],
];

export function burst(random: Random, world: World, atMost: number): readonly Step[] {
  const count = Math.min(atMost, random.pick([1, 1, 2, 3, 3, 4]));
  const steps: Step[] = [];
  const taken = new Set<string>();
  for (let tries = 0; steps.length < count && tries < 20; tries++) {
    const step = chooseMaker(random)(random, world);
    if (step.locks.some(lock => taken.has(lock))) continue;
    for (const lock of step.locks) taken.add(lock);
    steps.push(step);
  }
  return steps;
}

function chooseMaker(random: Random): Maker {
  let left = random.below(makers.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, maker] of makers) {
    left -= weight;
    if (left < 0) return maker;
  }
  throw new Error('unreachable: below the sum');
}

/** How long a fault lasts is what the step is about: the one use of time here. */
const lasts = (ms: number) => pause(ms);

function restartDaemon(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  const signal = random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM'] as const);
  const awayMs = random.pick([0, 0, 1000, 6000]);
  return {
    words: `${signal} daemon ${node}, back after ${awayMs} ms`,
    locks: [`daemon ${node}`],
    async run() {
      await world.stopDaemon(node, signal);
      await lasts(awayMs);
      await world.startDaemon(node);
    },
  };
}

function rebootNode(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  return {
    words: `${node} reboots`,
    locks: ['daemon', 'link', 'pods', 'kernel'].map(what => `${what} ${node}`),
    run: () => world.reboot(node),
  };
}

function restartEtcd(random: Random, world: World): Step {
  const {etcd} = world.lab;
  const how = random.pick(['restart', 'away', 'hangs'] as const);
  return {
    words: `etcd ${how}`,
    locks: ['etcd'],
    async run() {
      if (how === 'hangs') {
        etcd.pause();
        await lasts(5000);
        etcd.resume();
        return;
      }
      await etcd.stop();
      if (how === 'away') await lasts(5000);
      await etcd.start();
    },
  };
}

/** The other end: carrier is lost, addresses and routes stay. */
function flapLink(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  const downMs = random.pick([100, 1000, 4000]);
  return {
    words: `link of ${node} without carrier for ${downMs} ms`,
    locks: [`link ${node}`],
    async run() {
      await world.lab.fabric.run(['ip', 'link', 'set', `port-${node}`, 'down']);
      await lasts(downMs);
      await world.lab.fabric.run(['ip', 'link', 'set', `port-${node}`, 'up']);
    },
  };
}

/** By hand: the kernel takes IPv6 addresses and all routes of the link away; whoever made them makes them again. */
function downLink(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  const downMs = random.pick([0, 2000]);
  const host = world.host(node);
  return {
    words: `eth0 of ${node} down for ${downMs} ms`,
    locks: [`link ${node}`],
    async run() {
      await host.ip('link set eth0 down');
      await lasts(downMs);
      const input = [
        'link set eth0 up',
        `address replace ${host.address6}/64 dev eth0 nodad`,
        'route replace default via 192.0.2.254',
        'route replace default via 2001:db8::fe',
      ];
      await host.run(['ip', '-batch', '-'], {input: input.join('\n')});
    },
  };
}

function losePackets(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  const host = world.host(node);
  const probability = random.pick(['0.1', '0.4']);
  const rule = `PREROUTING -i eth0 -m statistic --mode random --probability ${probability} -j DROP`;
  const toAll = async (verb: string) => {
    for (const program of ['iptables', 'ip6tables']) {
      await host.run([program, '-w', '-t', 'raw', verb, ...rule.split(' ')]);
    }
  };
  return {
    words: `${node} loses ${probability} of packets for 5 s`,
    locks: [`link ${node}`],
    async run() {
      await toAll('-A');
      await lasts(5000);
      await toAll('-D');
    },
  };
}

function addOrDeletePods(random: Random, world: World): Step {
  const node = random.pick(nodeNames);
  const old = world.podsOf(node).filter(() => random.chance(0.5));
  const added = Math.max(0, random.below(3) - Math.max(0, world.podsOf(node).length - 2));
  return {
    words: `pods of ${node}: ${old.length} go, ${added} come`,
    locks: [`pods ${node}`],
    async run() {
      const comes = Array.from({length: added}, () => world.addPod(node));
      await Promise.all([...old.map(pod => world.deletePod(pod)), ...comes]);
    },
  };
}

function change(choose: typeof changeConfig): Maker {
  return (random, world) => {
    const {words, wish} = choose(random, world.wish);
    return {words, locks: ['records'], run: () => world.change(wish)};
  };
}

/** Two changes so shortly after one another that the second meets the first half done. */
function changeTwice(random: Random, world: World): Step {
  const first = random.pick([changeConfig, changeNetwork, changeEdge])(random, world.wish);
  const second = random.pick([changeConfig, changeNetwork, changeEdge])(random, first.wish);
  return {
    words: `${first.words}; at once ${second.words}`,
    locks: ['records'],
    async run() {
      await world.change(first.wish);
      await world.change(second.wish);
    },
  };
}

function restartRouter(random: Random, world: World): Step {
  const how = random.pick(['SIGKILL', 'SIGTERM', 'graceful'] as const);
  const awayMs = random.pick([0, 3000]);
  return {
    words: `router ${how}, back after ${awayMs} ms`,
    locks: ['records'],
    async run() {
      if (how === 'graceful') await world.bird.leave();
      else await world.bird.stop(how);
      await lasts(awayMs);
      await world.bird.start({isRestart: how === 'graceful'});
    },
  };
}

/** The limit is in the record before there are too many, and there are fewer again when it is over. */
function exceedPrefixes(_random: Random, world: World): Step {
  const {wish} = world;
  const {edge4} = wish.edges;
  const limited =
    edge4 === undefined
      ? wish
      : {...wish, edges: {...wish.edges, edge4: {...edge4, maxPrefixes: 500}}};
  return {
    words: 'too many prefixes for a while',
    locks: ['records'],
    async run() {
      await world.change(limited);
      await world.change({...limited, router: {...wish.router, prefixes: 700}});
      await lasts(2000);
      await world.change(limited);
    },
  };
}

function removeOurs(random: Random, world: World): Step {
  const node: NodeName = random.pick(nodeNames);
  const what = random.pick(removals);
  return {
    words: `somebody on ${node}: ${what}`,
    locks: [`kernel ${node}`],
    async run() {
      await world.host(node).run(['sh', '-c', what], {mayFail: true}); // a dump may be interrupted
    },
  };
}

const removals = [
  'ip nexthop flush proto 84',
  "ip -4 route show proto 84 | sed 's/ .*//' | xargs -n 1 ip -4 route del",
  "ip -6 route show proto 84 metric 2084 | sed 's/ .*//' | xargs -n 1 ip -6 route del",
  'ip neigh flush dev eth0',
  'iptables -t nat -F TWILL-POSTROUTING; ip6tables -F TWILL-FORWARD',
];
