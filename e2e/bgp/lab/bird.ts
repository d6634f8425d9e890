/**
 * BIRD 2 (bird2): configuration written whole, `birdc` for questions. Shell; the text is pure.
 */
import type {LongProcess} from '../../lab/process.js';
import type {Machine} from '../lab.js';
import {
  type Family,
  allFamilies,
  answers,
  inFamily,
  type PeerView,
  type RouteView,
  type Router,
  type RouterConfig,
  type RouterPeer,
  refuse,
} from './router.js';

const configFile = '/run/bird/bird.conf';
const controlSocket = '/run/bird/bird.ctl';

export class Bird implements Router {
  readonly kind = 'bird';
  readonly #machine: Machine;
  #config: RouterConfig;
  #process: LongProcess | undefined;

  constructor(machine: Machine, config: RouterConfig) {
    this.#machine = machine;
    this.#config = config;
  }

  async start({isRestart = false} = {}): Promise<void> {
    await this.#machine.writeFile(configFile, birdConfig(this.#config));
    const argv = ['bird', '-f', '-c', configFile, '-s', controlSocket];
    this.#process = this.#machine.start(isRestart ? [...argv, '-R'] : argv);
    await answers(() => this.ask('show status'), 'bird');
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#process?.kill(signal);
  }

  /** Gone, with its routes still in the kernel and no word to its peers: what `start` calls a restart follows. */
  async leave(): Promise<void> {
    await this.ask('graceful restart');
    await this.#process?.exited;
  }

  /** The answer's text, without reply codes. */
  async ask(command: string): Promise<string> {
    const argv = ['birdc', '-s', controlSocket, ...command.split(' ')];
    return (await this.#machine.run(argv)).stdout;
  }

  async peers(): Promise<readonly PeerView[]> {
    const text = await this.ask('show protocols all');
    return text
      .split(/\n(?=\S)/)
      .filter(part => /^p\d+ +BGP/.test(part))
      .map(part => {
        const state = / BGP state: +(.*)/.exec(part)?.[1] ?? 'down';
        const address = / Neighbor address: ([^%\s]+)/.exec(part)?.[1] ?? '';
        return {address, state, isEstablished: state === 'Established'};
      });
  }

  async routes(family: Family): Promise<readonly RouteView[]> {
    return parseRoutes(await this.ask(`show route all table ${TABLES[family]}`));
  }

  announce(prefix: string): Promise<void> {
    const announces = [...(this.#config.announces ?? []), prefix];
    return this.reconfigure({...this.#config, announces});
  }

  withdraw(prefix: string): Promise<void> {
    const announces = this.#config.announces?.filter(each => each !== prefix) ?? [];
    return this.reconfigure({...this.#config, announces});
  }

  async reconfigure(config: RouterConfig): Promise<void> {
    this.#config = config;
    await this.#machine.writeFile(configFile, birdConfig(config));
    await this.ask('configure');
  }
}

const TABLES = {ipv4: 'master4', ipv6: 'master6'} as const;

export function birdConfig(config: RouterConfig): string {
  const bfd = config.peers.find(peer => peer.bfd !== undefined)?.bfd;
  return [
    'log stderr all;',
    'debug protocols {states, events};',
    `router id ${config.identifier};`,
    'protocol device {scan time 1;}',
    ...(config.gracefulRestart ? ['graceful restart wait 10;'] : []),
    ...(bfd === undefined ? [] : ['protocol bfd {}']),
    ...allFamilies.flatMap(family => tableConfig(family, config)),
    ...config.peers.map((peer, index) => peerConfig(peer, index, config)),
  ].join('\n');
}

function tableConfig(family: Family, {announces, kernel, multipath}: RouterConfig): string[] {
  const routes = inFamily(announces, family).map(prefix => `route ${prefix} unreachable;`);
  const lines = [`protocol static {${family}; ${routes.join(' ')}}`];
  if (kernel === true) {
    const merge = multipath === undefined ? '' : `merge paths on limit ${multipath};`;
    const what = `${family} {export where source = RTS_BGP;}; ${merge}`;
    lines.push(`protocol kernel {persist; graceful restart; scan time 5; ${what}}`);
  }
  return lines;
}

function peerConfig(peer: RouterPeer, index: number, config: RouterConfig): string {
  refuse('bird', config.gracefulRestart ?? {timeSeconds: 0}, ['notification']);
  const {gracefulRestart} = config;
  const lines = [
    `local ${peer.localAddress} as ${config.asn}`,
    `neighbor ${peer.address} as ${peer.asn}`,
    ...(peer.interface === undefined ? [] : [`interface "${peer.interface}"`]),
    `passive ${peer.passive === true ? 'on' : 'off'}`,
    ...(peer.password === undefined ? [] : [`password "${peer.password}"`]),
    ...(peer.ttlSecurity === true ? ['ttl security on'] : []),
    ...(peer.multihop === undefined ? [] : [`multihop ${peer.multihop}`]),
    ...(peer.as4 === false ? ['enable as4 off'] : []),
    ...(peer.reflectorClient === true ? ['rr client on'] : []),
    ...(peer.role === undefined ? [] : [`local role ${peer.role}`]),
    ...(peer.extendedMessages === true ? ['enable extended messages on'] : []),
    `hold time ${peer.holdSeconds ?? 9}`,
    'connect delay time 1',
    'connect retry time 1',
    'error wait time 1, 2',
    `graceful restart ${gracefulRestart === undefined ? 'off' : 'on'}`,
    ...(gracefulRestart ? [`graceful restart time ${gracefulRestart.timeSeconds}`] : []),
    ...(gracefulRestart?.longLivedSeconds === undefined
      ? []
      : [
          'long lived graceful restart on',
          `long lived stale time ${gracefulRestart.longLivedSeconds}`,
        ]),
    ...(peer.bfd
      ? [`bfd {interval ${peer.bfd.intervalMs} ms; multiplier ${peer.bfd.multiplier};}`]
      : []),
    ...(peer.families ?? allFamilies).map(family => channelConfig(family, peer)),
  ];
  return `protocol bgp p${index} {\n  ${lines.join(';\n  ')};\n}`;
}

function channelConfig(family: Family, peer: RouterPeer): string {
  const paths = {send: 'tx', receive: 'rx', both: 'on'} as const;
  const {addPath, prefixLimit, extendedNextHop, nextHop} = peer;
  const parts = [
    'import all',
    'export where source ~ [RTS_STATIC, RTS_BGP]',
    ...(prefixLimit === undefined ? [] : [`import limit ${prefixLimit} action disable`]),
    ...(nextHop === undefined || family !== 'ipv4' ? [] : [`next hop address ${nextHop}`]),
    ...(addPath === undefined ? [] : [`add paths ${paths[addPath]}`]),
    ...(extendedNextHop === true && family === 'ipv4' ? ['extended next hop on'] : []),
  ];
  return `${family} {${parts.join('; ')};}`;
}

/** `show route all`: a prefix begins a block of routes; what is indented belongs to the route above. */
export function parseRoutes(text: string): RouteView[] {
  const routes: RouteView[] = [];
  let prefix = '';
  for (const part of text.split(/\n(?=\S|\s+unicast |\s+unreachable )/)) {
    const head = /^(\S+)?\s+(?:unicast|unreachable) \[/.exec(part);
    if (head === null) continue;
    prefix = head[1] ?? prefix;
    const nextHop = /\tBGP\.next_hop: (\S+)/.exec(part)?.[1] ?? '';
    const path = /\tBGP\.as_path: (.*)/.exec(part)?.[1] ?? '';
    const asPath = path.split(' ').filter(Boolean).map(Number);
    routes.push({prefix, nextHop, asPath, isBest: / \* \(/.test(part)});
  }
  return routes;
}
