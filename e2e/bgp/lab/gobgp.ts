/**
 * GoBGP: `gobgpd` with a JSON configuration, `gobgp -j` for questions. Shell; the text is pure.
 * It has no hand in the kernel (that is zebra's), and its configuration has no routes: they come by `gobgp`
 * while its neighbours are still shut, or it would restart with an empty table and say End-of-RIB to that.
 */
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  type Family,
  allFamilies,
  answers,
  familyOf,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
  refuse,
} from './router.js';

const configFile = '/run/gobgp/gobgpd.json';

export class Gobgp implements Router {
  readonly kind = 'gobgp';
  readonly #machine: Machine;
  readonly #config: RouterConfig;
  #process: LongProcess | undefined;

  constructor(machine: Machine, config: RouterConfig) {
    this.#machine = machine;
    this.#config = config;
  }

  async start({isRestart = false} = {}): Promise<void> {
    await this.#machine.writeFile(configFile, JSON.stringify(gobgpConfig(this.#config), null, 2));
    const argv = ['gobgpd', '-t', 'json', '-f', configFile, '-p', '--pprof-disable'];
    argv.push('--api-hosts=127.0.0.1:50051', ...(isRestart ? ['-r'] : []));
    this.#process = this.#machine.start(argv);
    await answers(() => this.ask('global'), 'gobgpd');
    for (const prefix of this.#config.announces ?? []) await this.announce(prefix);
    for (const {address} of this.#config.peers) await this.ask(`neighbor ${address} enable`);
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.kill(signal);
  }

  async ask(command: string): Promise<string> {
    return (await this.#machine.run(['gobgp', ...command.split(' ')])).stdout;
  }

  async peers(): Promise<readonly PeerView[]> {
    const answer = JSON.parse(await this.ask('-j neighbor')) as readonly GobgpPeer[] | null;
    return (answer ?? []).map(({state}) => {
      const name = STATES[state.session_state ?? 0] ?? '';
      const address = state.neighbor_address.replace(/%.*/, '');
      return {address, state: name, isEstablished: name === 'Established'};
    });
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    const answer = await this.ask(`-j global rib -a ${family}`);
    const table = JSON.parse(answer.trim() || '{}') as Record<string, readonly GobgpPath[]>;
    return Object.entries(table).flatMap(([prefix, paths]) =>
      paths.map(({attrs, best}) => ({
        prefix,
        nextHop: attrs.find(({nexthop}) => nexthop !== undefined)?.nexthop ?? '',
        asPath: attrs.flatMap(({as_paths = []}) => as_paths.flatMap(({asns}) => asns)),
        isBest: best === true,
      })),
    );
  }

  async announce(prefix: string): Promise<void> {
    const family = familyOf(prefix);
    const nextHop = this.#config.nextHops[family];
    await this.ask(`global rib add ${prefix} nexthop ${nextHop} -a ${family}`);
  }

  async withdraw(prefix: string): Promise<void> {
    await this.ask(`global rib del ${prefix} -a ${familyOf(prefix)}`);
  }
}

/** api/gobgp.proto, PeerState.SessionState */
const STATES = [
  'Unknown',
  'Idle',
  'Connect',
  'Active',
  'OpenSent',
  'OpenConfirm',
  'Established',
] as const;

interface GobgpPeer {
  readonly state: {readonly session_state?: number; readonly neighbor_address: string};
}

interface GobgpPath {
  readonly best?: boolean;
  readonly attrs: readonly {
    readonly nexthop?: string;
    readonly as_paths?: readonly {readonly asns: readonly number[]}[];
  }[];
}

export function gobgpConfig(config: RouterConfig): object {
  refuse('gobgp', config, ['kernel']);
  return {
    global: {
      config: {as: config.asn, 'router-id': config.identifier},
      ...(config.multipath !== undefined && {'use-multiple-paths': {config: {enabled: true}}}),
    },
    neighbors: config.peers.map(peer => peerConfig(peer, config)),
  };
}

function peerConfig(peer: RouterPeer, {gracefulRestart}: RouterConfig): object {
  refuse('gobgp', peer, ['bfd', 'extendedNextHop', 'as4', 'role', 'extendedMessages']);
  const hold = peer.holdSeconds ?? 9;
  const zone = peer.interface === undefined ? '' : `%${peer.interface}`;
  return {
    config: {
      'neighbor-address': `${peer.address}${zone}`,
      'peer-as': peer.asn,
      'admin-down': true, // see start()
      ...(peer.password !== undefined && {'auth-password': peer.password}),
    },
    timers: {
      config: {
        'connect-retry': 1,
        'hold-time': hold,
        'keepalive-interval': Math.floor(hold / 3),
        'idle-hold-time-after-reset': 1,
      },
    },
    transport: {
      config: {'local-address': peer.localAddress, 'passive-mode': peer.passive === true},
    },
    ...(peer.multihop !== undefined && {
      'ebgp-multihop': {config: {enabled: true, 'multihop-ttl': peer.multihop}},
    }),
    ...(peer.ttlSecurity === true && {
      'ttl-security': {config: {enabled: true, 'ttl-min': 255}},
    }),
    ...(peer.reflectorClient === true && {
      'route-reflector': {config: {'route-reflector-client': true}},
    }),
    ...(gracefulRestart && {
      'graceful-restart': {
        config: {
          enabled: true,
          'restart-time': gracefulRestart.timeSeconds,
          'notification-enabled': gracefulRestart.notification === true,
        },
      },
    }),
    'afi-safis': (peer.families ?? allFamilies).map(family => ({
      config: {'afi-safi-name': `${family}-unicast`},
      ...(gracefulRestart && {'mp-graceful-restart': {config: {enabled: true}}}),
      ...(peer.prefixLimit !== undefined && {
        'prefix-limit': {config: {'max-prefixes': peer.prefixLimit}},
      }),
      ...(peer.addPath !== undefined && {
        'add-paths': {
          config: {
            receive: peer.addPath !== 'send',
            ...(peer.addPath !== 'receive' && {'send-max': 8}),
          },
        },
      }),
    })),
  };
}
