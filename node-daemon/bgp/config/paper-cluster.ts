/** What the derivation's tests are written with: a node's state, filled by the same events as a daemon's. */
import {parsePrefix} from '#ipam';
import {parseResource} from '../../datastore/records/kind.js';
import {parseNode, type NodeBgp} from '../../datastore/records/node.js';
import type {Labels} from '../../datastore/records/selector.js';
import type {StoreEvent} from '../../datastore/store-event.js';
import {createState, type State} from '../../state/state.js';
import {createChanges, transition} from '../../state/transition.js';
import type {BgpInput, BgpMemory, PasswordRead} from './input.js';

export interface PaperNode {
  readonly name: string;
  readonly address?: string;
  readonly address6?: string;
  readonly labels?: Labels;
  readonly ranges?: readonly string[];
  readonly bgp?: NodeBgp;
}

export interface Paper {
  readonly name?: string; // of the node whose state it is
  readonly backend?: 'vxlan' | 'direct' | 'bgp';
  readonly config?: object; // spec of the BGPConfig
  readonly peers?: Readonly<Record<string, object>>; // specs by name; address and asn may be left out
  readonly pools?: readonly string[];
  readonly nodes?: readonly PaperNode[];
  readonly underlay?: {readonly ipv4?: string; readonly ipv6?: string}; // with length
  readonly ranges?: readonly string[];
  readonly pods?: readonly string[]; // their addresses
  readonly labels?: Labels;
  readonly etcd?: readonly Uint8Array[];
  readonly passwords?: Readonly<Record<string, PasswordRead>>;
  readonly linkNeighbours?: Readonly<Record<string, string>>;
  readonly settledPeers?: readonly string[];
  readonly settledReflectors?: readonly string[];
  readonly memory?: BgpMemory | undefined;
}

/** Node a, 192.0.2.1/24, pods out of 10.244.0.0/16. */
export function paperInput(paper: Paper): BgpInput {
  return {
    state: paperState(paper),
    labels: paper.labels ?? {},
    etcdAddresses: paper.etcd ?? [],
    secretsDir: '/etc/twill/secrets',
    passwords: new Map(Object.entries(paper.passwords ?? {})),
    linkNeighbours: new Map(Object.entries(paper.linkNeighbours ?? {})),
    settled: {
      peers: new Set(paper.settledPeers),
      reflectors: new Set(paper.settledReflectors),
    },
    memory: paper.memory,
  };
}

function paperState(paper: Paper): State {
  const {name = 'a'} = paper;
  const state = createState({name, uid: `uid-of-${name}`});
  const changes = createChanges();
  const {underlay = {ipv4: '192.0.2.1/24'}, pools = ['10.244.0.0/16'], nodes = []} = paper;
  const {backend = 'bgp', config, peers = {}} = paper;
  const specs: readonly (readonly [string, string, object])[] = [
    ['Network', 'default', {backend}],
    ...(config === undefined ? [] : [['BGPConfig', 'default', config] as const]),
    ...pools.map((cidr, at) => ['Pool', `pool-${at}`, {cidr}] as const),
    ...Object.entries(peers).map(
      ([name, spec]) =>
        [
          'BGPPeer',
          name,
          {asn: 64999, ...('interface' in spec ? {} : somewhere), ...spec},
        ] as const,
    ),
  ];
  transition(
    state,
    {kind: 'store', events: [...specs.map(each => resource(...each)), ...nodes.map(toNodeEvent)]},
    changes,
  );
  const addresses = Object.fromEntries(
    Object.entries(underlay).map(([family, text]) => {
      const [address = '', bits] = text.split('/');
      return [family, {address: host(address), bits: Number(bits)}];
    }),
  );
  const link = {ifindex: 2, name: 'eth0', mtu: 1500, addresses};
  transition(state, {kind: 'underlay', underlay: link}, changes);
  const ranges = (paper.ranges ?? ['10.244.1.0/26']).map(found);
  transition(state, {kind: 'ranges', ranges}, changes);
  const attachments = (paper.pods ?? []).map((address, at) => ({
    ...{containerId: `c${at}`, ifName: 'eth0', hostInterface: `twl${at}`},
    ...{mac: '02:00:00:00:00:01', addresses: [address], state: 'ready' as const},
  }));
  transition(state, {kind: 'attachments', attachments}, changes);
  return state;
}

const somewhere = {address: '192.0.2.254'};

function resource(kind: string, name: string, spec: object): StoreEvent {
  const apiVersion = 'twill.io/v1';
  const parsed = parseResource({apiVersion, kind, metadata: {name}, spec});
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  const key = `/twill/v1/resources/${kind.toLowerCase()}/${name}`;
  return {kind: 'put', key, record: parsed.value, createRevision: 1};
}

function toNodeEvent({name, labels = {}, ranges = [], bgp, ...addresses}: PaperNode): StoreEvent {
  const parsed = parseNode({
    ...{apiVersion: 'twill.io/v1', kind: 'Node', metadata: {name, uid: `uid-of-${name}`, labels}},
    spec: {...addresses, ranges, ...(bgp && {bgp})},
  });
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  return {kind: 'put', key: `/twill/v1/nodes/${name}`, record: parsed.value, createRevision: 1};
}

export function host(text: string): Uint8Array {
  return found(`${text}/${text.includes(':') ? 128 : 32}`).address;
}

function found(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(text);
  return prefix;
}
