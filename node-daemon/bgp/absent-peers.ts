/**
 * Which peers are away and have no route of theirs left in the kernel: a restart of ours need not wait for
 * them (calico #9976). They were seen so twice, LOOK_MS apart, and not up in between. A range is away when
 * all who dialled from it are. Nobody is judged before our own restart is over: until then routes of peers
 * that are not back yet are in the kernel and in no RIB.
 */
import type {SpeakerStatus, State} from '#bgp-fsm';
import type {Clock, Timer} from '../datastore/clock.js';

export interface AbsentPeersOptions {
  readonly clock: Clock;
  readonly before: readonly string[]; // of the run before this one
  readonly status: () => Promise<SeenAll>;
  readonly onChange: (absent: readonly string[]) => void;
}

interface SeenAll {
  readonly restart: SpeakerStatus['restart'];
  readonly peers: readonly Seen[];
  readonly ranges: readonly {readonly config: Named}[];
}

type PeerStatus = SpeakerStatus['peers'][number];
type Named = Pick<PeerStatus['config'], 'name'>;
type Seen = Pick<PeerStatus, 'state' | 'stale'> & {readonly config: Named};

const LOOK_MS = 5000;

export class AbsentPeers {
  readonly #options: AbsentPeersOptions;
  readonly #absent: Set<string>;
  #suspects = new Set<string>();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: AbsentPeersOptions) {
    this.#options = options;
    this.#absent = new Set(options.before);
    this.#lookLater(); // one that never answers changes no state
  }

  /** Before its first route: a peer that has agreed to a session is not away. */
  hear(peer: string, state: State): void {
    if (state !== 'OpenConfirm' && state !== 'Established') {
      if (!this.#absent.has(peer)) this.#lookLater();
      return;
    }
    const names = [peer, rangeOf(peer)];
    for (const name of names) this.#suspects.delete(name);
    if (names.map(name => this.#absent.delete(name)).includes(true)) this.#tell();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#options.clock.after(LOOK_MS, () => {
      this.#timer = undefined;
      this.#look().catch(() => undefined); // the speaker is gone, and who owns it knows
    });
  }

  async #look(): Promise<void> {
    const {restart, peers, ranges} = await this.#options.status();
    if (!restart.isOver) return this.#lookLater();
    const away = awayOf(peers, ranges);
    const seenBefore = (name: string) => this.#suspects.has(name) || this.#absent.has(name);
    this.#become(away.filter(seenBefore));
    this.#suspects = new Set(away);
    const isAbsent = ({config}: Seen) => this.#absent.has(config.name);
    const isSettled = peers.every(peer => peer.state === 'Established' || isAbsent(peer));
    if (!isSettled || away.some(name => !this.#absent.has(name))) this.#lookLater();
  }

  #become(names: readonly string[]): void {
    if (names.length === this.#absent.size && names.every(name => this.#absent.has(name))) return;
    this.#absent.clear();
    for (const name of names) this.#absent.add(name);
    this.#tell();
  }

  #tell(): void {
    this.#options.onChange([...this.#absent]);
  }
}

/** Peers and ranges without a session and without routes that are kept. */
function awayOf(peers: SeenAll['peers'], ranges: SeenAll['ranges']): readonly string[] {
  const isPresent = ({state, stale}: Seen) => state === 'Established' || stale.length > 0;
  const present = new Set(
    peers.filter(isPresent).flatMap(({config: {name}}) => [name, rangeOf(name)]),
  );
  return [...peers, ...ranges].map(({config}) => config.name).filter(name => !present.has(name));
}

/** Who dials from a range is called RANGE/ADDRESS; of others it is a name that nobody has. */
function rangeOf(peer: string): string {
  return peer.slice(0, Math.max(0, peer.indexOf('/')));
}
