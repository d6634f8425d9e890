/**
 * From records to a speaker: what the derivation is given, and what it says. Pure types.
 */
import type {LocalRoute, SpeakerConfig} from '#bgp-fsm';
import type {NodeBgp} from '../../datastore/records/node.js';
import type {Labels} from '../../datastore/records/selector.js';
import type {State} from '../../state/state.js';
import type {PolicyShelf} from './policy-shelf.js';
import type {Witnesses} from './witnesses.js';

export interface BgpInput {
  readonly state: Pick<
    State,
    'self' | 'network' | 'pools' | 'nodes' | 'resources' | 'underlay' | 'ranges' | 'pods'
  >;
  readonly labels: Labels; // of this node
  readonly etcdAddresses: readonly Uint8Array[];
  readonly secretsDir: string; // where Secrets are mounted, a folder each
  /** By path, of the files that `BgpWish.passwordFiles` named. Absent: not read yet. */
  readonly passwords: ReadonlyMap<string, PasswordRead>;
  /** By interface, of `BgpWish.links`: the link-local address heard at the other end. */
  readonly linkNeighbours: ReadonlyMap<string, string>;
  readonly settled: Settled;
  /** What the derivation before this one left; undefined: this is the first one. */
  readonly memory: BgpMemory | undefined;
}

/** What is here for good (settled.ts): up, all routes told, and some seconds of it. */
export interface Settled {
  readonly peers: ReadonlySet<string>; // names in the speaker
  readonly reflectors: ReadonlySet<string>; // names of nodes that reflect, by their records
}

export type PasswordRead =
  | {readonly kind: 'ok'; readonly password: string; readonly problem?: string} // `problem`: it is an old one
  | {readonly kind: 'unreadable'; readonly problem: string};

export interface BgpWish {
  /** Undefined: no speaker has to run here. */
  readonly config: SpeakerConfig | undefined;
  /** Undefined: not known yet, what was announced before stays. */
  readonly routes: readonly LocalRoute[] | undefined;
  readonly installRoutes: boolean;
  /** For this node's own record; undefined: no speaker runs. */
  readonly facts: NodeBgp | undefined;
  readonly passwordFiles: readonly string[];
  readonly links: readonly string[]; // whose neighbour has to be found out
  /** Nodes with which the session stays only until its replacement is proven. */
  readonly kept: readonly string[];
  /** Peers, by the names they would have, that are configured and not made for what `problems` say. */
  readonly withheld: readonly string[];
  readonly problems: readonly BgpProblem[];
  readonly memory: BgpMemory;
  /** Of the daemon before this one, while etcd is away. */
  readonly isRecalled?: true;
}

/** What holds until etcd is known, and the sessions to keep from then on; see last-wish.ts. */
export type LastWish = Pick<BgpWish, 'installRoutes' | 'facts' | 'passwordFiles' | 'links'> & {
  readonly config: SpeakerConfig;
  readonly routes: readonly LocalRoute[];
  readonly memory: LastingMemory;
};

/** Of one record and one field; the rest of the wish stands. */
export interface BgpProblem {
  readonly key: string; // bgppeer/tor-a
  readonly message: string; // spec.passwordFrom.file: …
}

/** What make-before-break has to know of the wish before. */
export interface SessionMemory {
  readonly sessions: ReadonlySet<string>; // with which nodes
  readonly clients: ReadonlySet<string>; // of them, for which we reflect
  readonly reflectors: ReadonlySet<string>; // from which all routes came once
}

/** What the next daemon goes on with. What it has from reflectors it has to hear anew. */
export type LastingMemory = Pick<SessionMemory, 'sessions' | 'clients'>;

export interface BgpMemory extends SessionMemory {
  readonly shelf: PolicyShelf;
  readonly witnesses?: Witnesses;
}
