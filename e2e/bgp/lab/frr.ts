/**
 * FRR: zebra, bgpd and, where asked for, bfdd; `vtysh` for questions. Shell; the text is pure.
 *
 * bgpd is what is stopped and started: zebra holds the kernel's routes, as on a real router.
 */
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  type Family,
  allFamilies,
  answers,
  familyOf,
  inFamily,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
} from './router.js';

const programs = '/usr/lib/frr';
const runDir = '/run/frr';
type Program = 'zebra' | 'bfdd' | 'bgpd';

export class Frr implements Router {
  readonly kind = 'frr';
  readonly #machine: Machine;
  readonly #config: RouterConfig;
  readonly #processes = new Map<Program, LongProcess>();

  constructor(machine: Machine, config: RouterConfig) {
    this.#machine = machine;
    this.#config = config;
  }

  /** FRR itself knows by nothing that it restarts: it says R for a while after every start. */
  async start(): Promise<void> {
    const own = `mkdir -p ${runDir} && chown frr:frr ${runDir}`;
    await this.#machine.run(['sh', '-c', own]);
    const needsBfd = this.#config.peers.some(peer => peer.bfd !== undefined);
    await this.#launch('zebra', zebraConfig(this.#config));
    if (needsBfd) await this.#launch('bfdd', 'hostname frr');
    await this.#launch('bgpd', bgpdConfig(this.#config));
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#processes.get('bgpd')?.kill(signal);
  }

  /** All of it at once, as a power cut for its control plane. */
  async stopAll(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await Promise.all([...this.#processes.values()].map(process => process.kill(signal)));
  }

  async ask(...commands: readonly string[]): Promise<string> {
    const argv = ['vtysh', ...commands.flatMap(each => ['-c', each])];
    return (await this.#machine.run(argv)).stdout;
  }

  async configure(...lines: readonly string[]): Promise<void> {
    await this.ask('configure terminal', `router bgp ${this.#config.asn}`, ...lines);
  }

  async peers(): Promise<readonly PeerView[]> {
    const answer = JSON.parse(await this.ask('show bgp neighbors json')) as Neighbors;
    return Object.entries(answer)
      .filter(([, value]) => typeof value === 'object')
      .map(([name, {bgpState: state = '', bgpNeighborAddr}]) => {
        const address = (bgpNeighborAddr ?? name).replace(/%.*/, '');
        return {address, state, isEstablished: state === 'Established'};
      });
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    const answer = await this.ask(`show bgp ${family} unicast json`);
    const {routes = {}} = JSON.parse(answer) as {routes?: Record<string, FrrPath[]>};
    return Object.entries(routes).flatMap(([prefix, paths]) =>
      paths.map(({bestpath, path, nexthops = []}) => ({
        prefix,
        nextHop: (nexthops.find(({used}) => used === true) ?? nexthops[0])?.ip ?? '',
        asPath: path.split(' ').filter(Boolean).map(Number),
        isBest: bestpath === true,
      })),
    );
  }

  announce(prefix: string): Promise<void> {
    return this.#network(prefix, '');
  }

  withdraw(prefix: string): Promise<void> {
    return this.#network(prefix, 'no ');
  }

  async #network(prefix: string, no: string): Promise<void> {
    await this.configure(`address-family ${familyOf(prefix)} unicast`, `${no}network ${prefix}`);
  }

  async #launch(program: Program, config: string): Promise<void> {
    if (this.#processes.get(program)?.running === true) return;
    const file = `${runDir}/${program}.conf`;
    await this.#machine.writeFile(file, `${config}\n`);
    const graceful = program === 'zebra' && this.#config.gracefulRestart ? ['-K', '30'] : [];
    const argv = [`${programs}/${program}`, '-f', file, '-P', '0', '--log', 'stdout', ...graceful];
    this.#processes.set(program, this.#machine.start(argv));
    await answers(() => this.#isUp(program), program);
  }

  async #isUp(program: Program): Promise<void> {
    await this.#machine.run(['vtysh', '-d', program, '-c', 'show version']);
  }
}

interface Neighbors {
  readonly [name: string]: {readonly bgpState?: string; readonly bgpNeighborAddr?: string};
}

interface FrrPath {
  readonly bestpath?: boolean;
  readonly path: string;
  readonly nexthops?: readonly {readonly ip: string; readonly used?: boolean}[];
}

function zebraConfig({peers}: RouterConfig): string {
  const unnumbered = peers.filter(peer => peer.address === '' && peer.interface !== undefined);
  const advertise = unnumbered.map(
    peer =>
      `interface ${peer.interface}\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval msec 500\nexit`,
  );
  return ['hostname frr', ...advertise].join('\n');
}

export function bgpdConfig(config: RouterConfig): string {
  const {asn, identifier, peers, gracefulRestart, multipath, kernel} = config;
  return [
    ...(kernel === true ? [] : ['bgp no-rib']),
    `router bgp ${asn}`,
    ` bgp router-id ${identifier}`,
    ' no bgp default ipv4-unicast',
    ' no bgp ebgp-requires-policy',
    ' no bgp network import-check',
    ' no bgp hard-administrative-reset',
    ' bgp log-neighbor-changes',
    ...(gracefulRestart
      ? [
          ' bgp graceful-restart',
          ' bgp graceful-restart preserve-fw-state',
          ` bgp graceful-restart restart-time ${gracefulRestart.timeSeconds}`,
          ` ${gracefulRestart.notification === true ? '' : 'no '}bgp graceful-restart notification`,
        ]
      : [' bgp graceful-restart-disable']),
    ...peers.flatMap(peer => peerConfig(peer)),
    ...allFamilies.flatMap(family => [
      ` address-family ${family} unicast`,
      ...(multipath === undefined
        ? []
        : [`  maximum-paths ${multipath}`, `  maximum-paths ibgp ${multipath}`]),
      ...inFamily(config.announces, family).map(prefix => `  network ${prefix}`),
      ...peers.flatMap(peer => familyConfig(family, peer)),
      ' exit-address-family',
    ]),
  ].join('\n');
}

/** Unnumbered: a peer without an address is named by its link. */
function nameOf(peer: RouterPeer): string {
  return peer.address === '' ? (peer.interface ?? '') : peer.address;
}

function peerConfig(peer: RouterPeer): string[] {
  const name = ` neighbor ${nameOf(peer)}`;
  const hold = peer.holdSeconds ?? 9;
  const isLinkLocal = peer.address.startsWith('fe80:');
  return [
    peer.address === ''
      ? `${name} interface remote-as ${peer.asn}`
      : `${name} remote-as ${peer.asn}`,
    ...(isLinkLocal ? [`${name} interface ${peer.interface}`] : []),
    ...(peer.address === '' || isLinkLocal ? [] : [`${name} update-source ${peer.localAddress}`]),
    `${name} timers ${Math.floor(hold / 3)} ${hold}`,
    `${name} timers connect 1`,
    `${name} advertisement-interval 0`,
    ...(peer.passive === true ? [`${name} passive`] : []),
    ...(peer.password === undefined ? [] : [`${name} password ${peer.password}`]),
    ...(peer.ttlSecurity === true ? [`${name} ttl-security hops 1`] : []),
    ...(peer.multihop === undefined ? [] : [`${name} ebgp-multihop ${peer.multihop}`]),
    ...(peer.extendedNextHop === true ? [`${name} capability extended-nexthop`] : []),
    ...(peer.role === undefined ? [] : [`${name} local-role ${peer.role}`]),
    ...(peer.as4 === false ? [`${name} dont-capability-negotiate`] : []),
    ...(peer.bfd
      ? [`${name} bfd ${peer.bfd.multiplier} ${peer.bfd.intervalMs} ${peer.bfd.intervalMs}`]
      : []),
  ];
}

function familyConfig(family: Family, peer: RouterPeer): string[] {
  const name = `  neighbor ${nameOf(peer)}`;
  if (!(peer.families ?? allFamilies).includes(family)) return [];
  return [
    `${name} activate`,
    ...(peer.keepsReceived === false ? [] : [`${name} soft-reconfiguration inbound`]),
    ...(peer.reflectorClient === true ? [`${name} route-reflector-client`] : []),
    ...(peer.prefixLimit === undefined ? [] : [`${name} maximum-prefix ${peer.prefixLimit}`]),
    ...(peer.addPath === 'send' || peer.addPath === 'both' ? [`${name} addpath-tx-all-paths`] : []),
  ];
}
