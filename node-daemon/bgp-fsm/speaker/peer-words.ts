/**
 * What people may know of the failures of a peer, or of a range: the last one, and the last that ended a
 * session.
 */
import type {PrefixExcess} from '../rib/types.js';
import type {Clock} from './ports.js';
import type {LastError, PeerStatus} from './status.js';

interface Words {
  readonly words: string;
  readonly atMs: number;
}

/** Who came in, and was refused, has the right key: routers take up to five minutes to dial again. */
const KNOWN_MS = 300_000;

export class PeerWords {
  excess: PrefixExcess | undefined; // what the last session ended for
  readonly #clock: Clock;
  #lastError: Words | undefined; // of an attempt or a session
  #lastDown: Words | undefined; // of a session that was Established
  #suspicion: Words | undefined; // a guess since then, until something is known

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get latest(): string {
    return this.#lastError?.words ?? '';
  }

  failed(words: string): void {
    this.#lastError = {words, atMs: this.#clock.nowMs()};
    this.#suspicion = undefined;
  }

  /** It may be so, unless an attempt of late has told more. True: that is news. */
  suspect(words: string): boolean {
    const atMs = this.#clock.nowMs();
    const attempt = this.#lastError === this.#lastDown ? undefined : this.#lastError;
    if (attempt !== undefined && atMs - attempt.atMs < KNOWN_MS) return false;
    const isNews = words !== this.#suspicion?.words;
    this.#suspicion = {words, atMs};
    return isNews;
  }

  up(): void {
    this.excess = undefined;
    this.#suspicion = undefined;
  }

  /** What failed was the session. */
  down(): void {
    if (this.excess !== undefined) this.failed(`${this.latest}; got ${this.excess.got}`);
    this.#lastDown = this.#lastError;
  }

  status(): Pick<PeerStatus, 'excess' | 'lastError' | 'lastDown'> {
    const lastError = this.#aged(this.#suspicion ?? this.#lastError);
    return {excess: this.excess, lastError, lastDown: this.#aged(this.#lastDown)};
  }

  #aged(words: Words | undefined): LastError | undefined {
    return words && {words: words.words, agoMs: this.#clock.nowMs() - words.atMs};
  }
}
