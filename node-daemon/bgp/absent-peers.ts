/**
 * Which peers are away and have no route of theirs left in the kernel: a restart of ours need not wait for
 * them (calico #9976). They were seen so twice, LOOK_MS apart. Nobody is judged before our own restart is
 * over: until then routes of peers that are not back yet are in the kernel and in no RIB.
 */
import type {SpeakerStatus, State} from '#bgp-fsm';
import type {Clock, Timer} from '../datastore/clock.js';

export interface AbsentPeersOptions {
  readonly clock: Clock;
  readonly before: readonly string[]; // of the run before this one
  readonly status: () => Promise<
    Pick<SpeakerStatus, 'restart'> & {readonly peers: readonly Seen[]}
  >;
  readonly onChange: (absent: readonly string[]) => void;
}

type PeerStatus = SpeakerStatus['peers'][number];
type Seen = Pick<PeerStatus, 'state' | 'stale'> & {
  readonly config: Pick<PeerStatus['config'], 'name'>;
};

const LOOK_MS = 5000;

export class AbsentPeers {
  readonly #options: AbsentPeersOptions;
  readonly #absent: Set<string>;
  #suspects: ReadonlySet<string> = new Set();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: AbsentPeersOptions) {
    this.#options = options;
    this.#absent = new Set(options.before);
    this.#lookLater(); // one that never answers changes no state
  }

  /** Before its first route: a peer that has agreed to a session is not away. */
  hear(peer: string, state: State): void {
    if (state !== 'OpenConfirm' && state !== 'Established') this.#lookLater();
    else if (this.#absent.delete(peer)) this.#tell();
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
    const {restart, peers} = await this.#options.status();
    const away = peers.filter(({state, stale}) => state !== 'Established' && stale.length === 0);
    const suspects = new Set(restart.isOver ? away.map(({config}) => config.name) : []);
    const names = [...suspects].filter(name => this.#suspects.has(name) || this.#absent.has(name));
    this.#suspects = suspects;
    this.#become(restart.isOver ? names : [...this.#absent]);
    const isOpen = ({state, config}: Seen) =>
      state !== 'Established' && !this.#absent.has(config.name);
    if (!restart.isOver || peers.some(isOpen)) this.#lookLater();
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
