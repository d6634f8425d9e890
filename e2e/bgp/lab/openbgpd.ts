/**
 * OpenBGPD: `bgpd` and `bgpctl -j`. Shell; the text is pure. On Linux it has no hand in the kernel and sets no
 * MD5 keys, though it takes them (Debian 12).
 */
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  type Family,
  allFamilies,
  answers,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
  refuse,
} from './router.js';

const configFile = '/run/openbgpd.conf';

export class Openbgpd implements Router {
  readonly kind = 'openbgpd';
  readonly #machine: Machine;
  readonly #config: RouterConfig;
  #process: LongProcess | undefined;

  constructor(machine: Machine, config: RouterConfig) {
    this.#machine = machine;
    this.#config = config;
  }

  async start(): Promise<void> {
    await this.#machine.writeFile(configFile, openbgpdConfig(this.#config));
    // its sockets and its chroot; it refuses a configuration that others may read
    const own = `mkdir -p /run/openbgpd && chmod 600 ${configFile}`;
    await this.#machine.run(['sh', '-c', own]);
    this.#process = this.#machine.start(['bgpd', '-d', '-f', configFile]);
    await answers(() => this.ask('show summary'), 'openbgpd');
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    // a session engine that outlives its parent says Cease
    await (signal === 'SIGKILL' ? this.#process?.cut() : this.#process?.kill(signal));
  }

  async ask(command: string): Promise<string> {
    return this.tool(...command.split(' '));
  }

  async tool(...words: readonly string[]): Promise<string> {
    return (await this.#machine.run(['bgpctl', ...words])).stdout;
  }

  async peers(): Promise<readonly PeerView[]> {
    const answer = JSON.parse(await this.ask('-j show neighbor')) as {
      neighbors?: readonly {remote_addr: string; state: string}[];
    };
    return (answer.neighbors ?? []).map(({remote_addr, state}) => ({
      address: remote_addr.replace(/%.*/, ''),
      state,
      isEstablished: state === 'Established',
    }));
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    const inet = family === 'ipv4' ? 'inet' : 'inet6';
    const answer = JSON.parse(await this.ask(`-j show rib ${inet}`)) as {
      rib?: readonly OpenbgpdPath[];
    };
    return (answer.rib ?? []).map(({prefix, aspath, exit_nexthop, best}) => ({
      prefix,
      nextHop: exit_nexthop,
      asPath: aspath.split(' ').filter(Boolean).map(Number),
      isBest: best === true,
    }));
  }

  async announce(prefix: string): Promise<void> {
    await this.ask(`network add ${prefix}`);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.ask(`network delete ${prefix}`);
  }
}

interface OpenbgpdPath {
  readonly prefix: string;
  readonly aspath: string;
  readonly exit_nexthop: string;
  readonly best?: boolean;
}

export function openbgpdConfig(config: RouterConfig): string {
  refuse('openbgpd', config, ['kernel']);
  const listen = new Set(config.peers.map(({localAddress}) => localAddress));
  return [
    `AS ${config.asn}`,
    `router-id ${config.identifier}`,
    'fib-update no',
    'connect-retry 1',
    ...[...listen].map(address => `listen on ${address}`),
    ...(config.announces ?? []).map(prefix => `network ${prefix}`),
    ...config.peers.map(peer => peerConfig(peer, config)),
    'allow from any',
    'allow to any',
    // of a family that is not the session's it would announce the loopback's address
    `match to any prefix 0.0.0.0/0 prefixlen 0 - 32 set nexthop ${config.nextHops.ipv4}`,
    `match to any prefix ::/0 prefixlen 0 - 128 set nexthop ${config.nextHops.ipv6}`,
    '',
  ].join('\n');
}

function peerConfig(peer: RouterPeer, {gracefulRestart}: RouterConfig): string {
  refuse('openbgpd', peer, [
    'bfd',
    'extendedNextHop',
    'interface',
    'password',
    'role',
    'extendedMessages',
  ]);
  const families = peer.families ?? allFamilies;
  const {addPath} = peer;
  const lines = [
    `remote-as ${peer.asn}`,
    `local-address ${peer.localAddress}`,
    `holdtime ${peer.holdSeconds ?? 9}`,
    ...(peer.passive === true ? ['passive'] : []),
    ...(peer.ttlSecurity === true ? ['ttl-security yes'] : []),
    ...(peer.multihop === undefined ? [] : [`multihop ${peer.multihop}`]),
    ...(peer.prefixLimit === undefined ? [] : [`max-prefix ${peer.prefixLimit}`]),
    ...(peer.as4 === false ? ['announce as-4byte no'] : []),
    ...(peer.reflectorClient === true ? ['route-reflector'] : []),
    ...allFamilies.map(
      family => `announce ${NAMES[family]} ${families.includes(family) ? 'unicast' : 'none'}`,
    ),
    `announce restart ${gracefulRestart === undefined ? 'no' : 'yes'}`,
    ...(addPath === 'receive' || addPath === 'both' ? ['announce add-path recv yes'] : []),
    ...(addPath === 'send' || addPath === 'both' ? ['announce add-path send all'] : []),
  ];
  return `neighbor ${peer.address} {\n  ${lines.join('\n  ')}\n}`;
}

const NAMES = {ipv4: 'IPv4', ipv6: 'IPv6'} as const;
