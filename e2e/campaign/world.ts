/**
 * The cluster of the campaign: three nodes, etcd, and a router on the same wire. Shell.
 *
 *     host a        host b        host c        machine edge: BIRD, AS 65100, some hundred prefixes
 *       |             |             |             |
 *   ----+-------------+-------------+-------------+----  br0  192.0.2.0/24  2001:db8::/64
 */
import {Machine, openMachine} from '../bgp/lab.js';
import {Bird} from '../bgp/lab/bird.js';
import {podsAreGone, resources} from '../cluster.js';
import {eventually} from '../lab/eventually.js';
import type {Host} from '../lab/host.js';
import type {Pod} from '../lab/pod.js';
import {createLab, type Lab, type Scope} from '../lab.js';
import {foreignLines, placeDecoys} from './decoys.js';
import {kernelOf} from './view.js';
import {
  firstWish,
  keyFile,
  labelsOf,
  nodeNames,
  passwords,
  recordsOf,
  router,
  routerConfig,
  type NodeName,
  type Wish,
} from './wish.js';

const patience = {withinMs: 60_000, everyMs: 200};

export class World {
  readonly lab: Lab;
  readonly edge: Machine;
  readonly bird: Bird;
  readonly pods: Pod[] = []; // with an address
  readonly foreign = new Map<NodeName, readonly string[]>(); // what is not ours
  wish: Wish = firstWish;
  readonly #stopped = new Set<NodeName>();
  #podCount = 0;
  #written = '';

  private constructor(lab: Lab, edge: Machine, bird: Bird) {
    this.lab = lab;
    this.edge = edge;
    this.bird = bird;
  }

  static async open(scope: Scope): Promise<World> {
    const lab = await createLab(scope, {hosts: nodeNames});
    const edge = await openEdge(lab);
    for (const name of nodeNames) {
      for (const password of passwords) {
        await lab.host(name).writeFile(keyFile(password), `${password}\n`);
      }
    }
    const bird = new Bird(edge, routerConfig(firstWish));
    await bird.start();
    const world = new World(lab, edge, bird);
    for (const name of nodeNames) await world.placeDecoys(name);
    await lab.apply(resources());
    await world.change(firstWish);
    await Promise.all(nodeNames.map(name => world.startDaemon(name)));
    return world;
  }

  host(name: NodeName): Host {
    return this.lab.host(name);
  }

  /** Before the daemon runs. */
  async placeDecoys(name: NodeName): Promise<void> {
    await placeDecoys(this.host(name));
    this.foreign.set(name, foreignLines(await kernelOf(this.host(name))));
  }

  /** Power cut and start, with all its pods lost. */
  async reboot(name: NodeName): Promise<void> {
    this.#stopped.add(name);
    for (const pod of this.podsOf(name)) this.pods.splice(this.pods.indexOf(pod), 1);
    await this.host(name).reboot();
    await this.placeDecoys(name);
    await this.startDaemon(name);
  }

  async stopDaemon(name: NodeName, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#stopped.add(name);
    await this.host(name).killDaemon(signal);
  }

  /** Those that ended and that nobody told to. */
  deadDaemons(): readonly NodeName[] {
    return nodeNames.filter(
      name => !this.#stopped.has(name) && !this.host(name).daemon.process.running,
    );
  }

  async startDaemon(name: NodeName): Promise<void> {
    const config = {node: {labels: labelsOf(name)}, resyncInterval: '20s'};
    await this.host(name).launchDaemon(config);
    this.#stopped.delete(name);
  }

  /** Records in etcd and the router's configuration follow the wish. */
  async change(wish: Wish): Promise<void> {
    this.wish = wish;
    const gone = ['edge4', 'edge6'].filter(name => !(name in wish.edges));
    const documents = recordsOf(wish).map(record => JSON.stringify(record));
    await eventually(() => this.lab.apply(documents.join('\n---\n')).then(() => true), {
      ...patience,
      what: 'records applied',
    });
    for (const name of gone) {
      const remove = () => this.lab.twillctl(['delete', '--ignore-not-found', 'bgppeer', name]);
      await eventually(() => remove().then(() => true), {...patience, what: `${name} deleted`});
    }
    const text = JSON.stringify(routerConfig(wish));
    if (wish.router.isRunning && text !== this.#written) {
      await eventually(() => this.bird.reconfigure(routerConfig(wish)).then(() => true), {
        ...patience,
        what: 'the router configured',
      });
      this.#written = text;
    }
  }

  podsOf(name: NodeName): readonly Pod[] {
    return this.pods.filter(pod => pod.host.hostname === name);
  }

  /** As a runtime does it: again and again until the daemon is there. */
  async addPod(name: NodeName): Promise<void> {
    const host = this.host(name);
    const pod = await host.pod(`${name}${++this.#podCount}`);
    await eventually(() => host.add(pod).then(() => true), {
      ...patience,
      what: `ADD of ${pod.name}`,
    });
    await pod.listen();
    this.pods.push(pod);
  }

  async deletePod(pod: Pod): Promise<void> {
    const host = this.lab.host(pod.host.hostname);
    this.pods.splice(this.pods.indexOf(pod), 1);
    const outcome = await host.cni('DEL', pod);
    if (outcome.exitCode !== 0) throw new Error(`DEL of ${pod.name}: ${outcome.stdout}`);
    const kill = `for pid in $(ip netns pids ${pod.name}); do kill -9 $pid; done`;
    await host.run(['sh', '-c', kill]);
    await host.removePod(pod);
  }

  /** Without pods, neighbours and configuration nothing of ours is left but the overlay. @throws Error */
  async clear(): Promise<void> {
    for (const pod of [...this.pods]) await this.deletePod(pod);
    for (const {name} of this.lab.hosts) await podsAreGone(this.lab.host(name));
    await this.change({...this.wish, backend: 'vxlan', edges: {}});
    await this.lab.twillctl(['delete', 'bgpconfig', 'default']);
    for (const host of this.lab.hosts) {
      const isClean = async () => {
        const {stdout} = await host.run(['sh', '-c', 'ip -4 route; ip -6 route; ip nexthop']);
        const left = stdout
          .split('\n')
          .filter(line => /proto 84 metric 2084|^id 14[23]\d{7} .*proto 84/.test(line));
        if (left.length > 0) throw new Error(left.join('\n'));
        return true;
      };
      await eventually(isClean, {...patience, what: `${host.name} without what BGP wrote`});
    }
  }
}

async function openEdge({fabric}: Lab): Promise<Machine> {
  const edge = await openMachine(fabric, 'edge');
  const peer = `peer name eth0 netns ${edge.namespace.pidInside()}`;
  const outside = [`link add name port-edge type veth ${peer}`, 'link set port-edge master br0 up'];
  await fabric.run(['ip', '-batch', '-'], {input: outside.join('\n')});
  const inside = [
    'link set eth0 up',
    `address add ${router.ipv4}/24 dev eth0`,
    `address add ${router.ipv6}/64 dev eth0 nodad`,
  ];
  await edge.run(['ip', '-batch', '-'], {input: inside.join('\n')});
  return edge;
}
