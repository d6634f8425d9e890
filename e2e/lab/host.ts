/**
 * One node of the lab. Shell.
 *
 * It sees the real file system, but what it writes to /etc, /opt and /var lands in a layer of its
 * own, and /run is its own: default paths work as on a real machine, on several hosts at once, and
 * `writtenFiles` can say what was touched.
 */
import {randomUUID} from 'node:crypto';
import {chmod, lstat, mkdir, readdir, rename, symlink, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';

import {
  type CniOptions,
  type CniOutcome,
  type Conflist,
  type Verb,
  runChain,
  twillConflist,
} from './cni.js';
import {Daemon, type DaemonConfig, configFile, mergeConfig} from './daemon.js';
import {Monitor} from './monitor.js';
import {Namespace} from './namespace.js';
import {Pod} from './pod.js';
import type {Output, RunOptions} from './process.js';
import {programs} from './programs.js';

/** Where a machine keeps what hosts inside it write: `<layers>/<host>/{etc,opt,var}`. */
export const layers = '/run/lab';
const layered = ['etc', 'opt', 'var'] as const;

export interface HostOptions {
  readonly fabric: Namespace;
  readonly name: string;
  readonly address: string; // IPv4 on the underlay, with prefix length
  readonly address6: string;
  readonly gateway: string; // the fabric's own address
  readonly gateway6: string;
  readonly config: DaemonConfig;
}

export class Host {
  readonly name: string;
  readonly address: string; // without prefix length
  readonly address6: string;
  readonly pods: Pod[] = [];
  readonly daemons: Daemon[] = []; // every one that ran; the last may still run
  readonly #options: HostOptions;
  #namespace: Namespace;
  #conflist: Conflist = twillConflist;

  private constructor(namespace: Namespace, options: HostOptions) {
    this.name = options.name;
    this.#namespace = namespace;
    this.address = withoutBits(options.address);
    this.address6 = withoutBits(options.address6);
    this.#options = options;
  }

  static async open(options: HostOptions): Promise<Host> {
    const host = new Host(await boot(options), options);
    await host.installCni();
    return host;
  }

  get namespace(): Namespace {
    return this.#namespace;
  }

  /** Power cut and start: processes, pods, the kernel's tables and /run are lost, disks are not. */
  async reboot(): Promise<void> {
    const {fabric, name} = this.#options;
    await this.#namespace.close();
    this.pods.length = 0;
    // the kernel takes the other end down with the namespace, but not at once
    await fabric.run(['ip', 'link', 'del', 'dev', `port-${name}`], {mayFail: true});
    this.#namespace = await boot(this.#options);
    const bootId = '/proc/sys/kernel/random/boot_id'; // of the machine we run on: it did not reboot
    await this.writeFile('/run/boot-id', `${randomUUID()}\n`);
    await this.run(['mount', '--bind', '/run/boot-id', bootId]);
  }

  run(argv: readonly string[], options?: RunOptions): Promise<Output> {
    return this.namespace.run(argv, options);
  }

  async ip(args: string): Promise<string> {
    return (await this.run(['ip', ...args.split(' ')])).stdout;
  }

  /** `ip -j` or `bridge -j`; an empty answer is an empty list. */
  async json<T extends object = Record<string, unknown>>(command: string): Promise<readonly T[]> {
    const [program = '', ...args] = command.split(' ');
    const {stdout} = await this.run([program, '-j', '-d', ...args]);
    const list = JSON.parse(stdout.trim() || '[]') as T[];
    return list.filter(item => Object.keys(item).length > 0); // iproute2 6.1 prints {} for filtered links
  }

  async writeFile(path: string, text: string): Promise<void> {
    const target = this.namespace.path(path);
    await mkdir(dirname(target), {recursive: true});
    await writeFile(`${target}.tmp`, text);
    await rename(`${target}.tmp`, target);
  }

  /** Paths below /etc, /opt, /var that this host has written, and everything in its /run. */
  async writtenFiles(): Promise<readonly string[]> {
    const inLayers = layered.map(dir =>
      filesBelow(this.#options.fabric.path(join(layers, this.name, dir)), `/${dir}`),
    );
    const lists = await Promise.all([...inLayers, filesBelow(this.namespace.path('/run'), '/run')]);
    return lists.flat().sort();
  }

  /** Plugin binaries and the conflist, placed as an installer does it: complete, then renamed. */
  async installCni(conflist: Conflist = twillConflist): Promise<void> {
    this.#conflist = conflist;
    const binDir = this.namespace.path('/opt/cni/bin');
    await mkdir(binDir, {recursive: true});
    const reference = await readdir(programs.referencePlugins).catch(() => []);
    const links = new Map(reference.map(name => [name, join(programs.referencePlugins, name)]));
    links.set('twill', programs.cni);
    if (conflist === twillConflist) links.set('loopback', programs.cni);
    for (const [name, target] of links) {
      const path = join(binDir, name);
      await symlink(target, `${path}.tmp`);
      await rename(`${path}.tmp`, path);
    }
    await this.writeFile('/etc/cni/net.d/10-lab.conflist', JSON.stringify(conflist, null, 2));
    await chmod(this.namespace.path('/etc/cni/net.d'), 0o700);
  }

  /** Resolves on the daemon's own ready line. */
  async startDaemon(config: DaemonConfig = {}, {withinMs = 20_000} = {}): Promise<Daemon> {
    const daemon = await this.launchDaemon(config);
    await daemon.ready(withinMs);
    return daemon;
  }

  /** Starts it and does not wait. */
  async launchDaemon(config: DaemonConfig = {}): Promise<Daemon> {
    await this.writeFile(
      configFile,
      JSON.stringify(mergeConfig(this.#options.config, config), null, 2),
    );
    const daemon = new Daemon(this.namespace);
    this.daemons.push(daemon);
    return daemon;
  }

  get daemon(): Daemon {
    const daemon = this.daemons.at(-1);
    if (!daemon) throw new Error(`no daemon was started on ${this.name}`);
    return daemon;
  }

  killDaemon(signal: NodeJS.Signals = 'SIGKILL'): Promise<number> {
    return this.daemon.kill(signal);
  }

  /** A network namespace for a pod, with nothing in it yet. */
  async pod(name: string): Promise<Pod> {
    const [pod] = await this.createPods([name]);
    if (!pod) throw new Error('unreachable: one name, one pod');
    return pod;
  }

  async createPods(names: readonly string[]): Promise<readonly Pod[]> {
    const input = names.map(name => `netns add ${name}\n`).join('');
    await this.run(['ip', '-batch', '-'], {input});
    const pods = names.map(name => new Pod(this.namespace, name));
    this.pods.push(...pods);
    return pods;
  }

  /** Its namespace, as a runtime removes it after DEL. */
  async removePod(pod: Pod): Promise<void> {
    await this.ip(`netns del ${pod.name}`);
    this.pods.splice(this.pods.indexOf(pod), 1);
  }

  /** One verb through the conflist by the real binaries. */
  async cni(verb: Verb, pod: Pod, options: CniOptions = {}): Promise<CniOutcome> {
    const {conflist = this.#conflist, env = {}, ...rest} = options;
    const prevResult = verb === 'ADD' ? undefined : (rest.prevResult ?? pod.result);
    const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${pod.containerId}`;
    const call = {args, ...rest, conflist, env, ...(prevResult && {prevResult})};
    const outcome = await runChain(this.namespace, verb, pod, call);
    if (verb === 'ADD') pod.learn(outcome);
    return outcome;
  }

  /** ADD that must succeed. */
  async add(pod: Pod, options: CniOptions = {}): Promise<Pod> {
    const outcome = await this.cni('ADD', pod, options);
    if (outcome.exitCode !== 0) {
      throw new Error(`ADD of ${pod.name} on ${this.name}: ${outcome.stdout}${outcome.stderr}`);
    }
    return pod;
  }

  monitor(): Promise<Monitor> {
    return Monitor.open(this.namespace);
  }

  /** `twillctl` here, where the daemon's local API is. */
  async twillctl(args: readonly string[], options: RunOptions = {}): Promise<Output> {
    const endpoints = (this.#options.config['etcd'] as {endpoints: string[]}).endpoints;
    const argv = [process.execPath, programs.ctl, '--etcd', endpoints.join(), ...args];
    return this.run(argv, options);
  }
}

async function boot(options: HostOptions): Promise<Namespace> {
  const {fabric, name} = options;
  const namespace = await Namespace.open({
    hostname: name,
    inside: fabric,
    setup: mountLayers(name),
  });
  await plugIn(namespace, options);
  return namespace;
}

/** A veth to the fabric's bridge; no duplicate address detection, so both families work at once. */
async function plugIn(namespace: Namespace, options: HostOptions): Promise<void> {
  const {fabric, name, address, address6, gateway, gateway6} = options;
  await fabric.run(['ip', '-batch', '-'], {
    input: [
      `link add name port-${name} type veth peer name eth0 netns ${namespace.pidInside()}`,
      `link set dev port-${name} master br0 up`,
    ].join('\n'),
  });
  await namespace.run(['ip', '-batch', '-'], {
    input: [
      'link set eth0 up',
      `address add ${address} dev eth0`,
      `address add ${address6} dev eth0 nodad`,
      `route add default via ${gateway}`,
      `route add default via ${gateway6}`,
    ].join('\n'),
  });
}

function mountLayers(name: string): string {
  const own = join(layers, name);
  const mounts = layered.map(
    dir => `mkdir -p ${own}/${dir} ${own}/overlay/${dir}
      mount -t overlay -o lowerdir=/${dir},upperdir=${own}/${dir},workdir=${own}/overlay/${dir} lab /${dir}`,
  );
  return [...mounts, 'mount -t tmpfs -o mode=755 lab /run'].join('\n');
}

async function filesBelow(dir: string, shown: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch(() => []);
  const lists = await Promise.all(
    names.map(async name => {
      const path = join(dir, name);
      const stat = await lstat(path).catch(() => undefined);
      if (stat?.isDirectory()) return filesBelow(path, join(shown, name));
      return stat ? [join(shown, name)] : [];
    }),
  );
  return lists.flat();
}

const withoutBits = (address: string) => address.replace(/\/.*/, '');
