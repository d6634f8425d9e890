/**
 * Answers other machines that ask whether the holder of this node's name lives. Shell.
 *
 * Apart from the lease's own loop, which waits longer and longer while etcd is away: who asks does not
 * wait that long.
 */
import {parseNameQuestion, type KeyValue, type NameQuestion} from '#ipam';
import type {Clock, Timer} from '../datastore/clock.js';
import type {Change} from '../datastore/reflector.js';

const RETRY_MS = 1000;

export interface NameAnswersOptions {
  /** Resolves whether an answer was written; none is when the name is not ours. */
  readonly answer: (question: KeyValue) => Promise<boolean>;
  readonly onAnswered: (question: NameQuestion) => void;
  readonly clock: Clock;
}

export class NameAnswers {
  readonly #options: NameAnswersOptions;
  readonly #open = new Map<string, KeyValue>();
  #timer: Timer | undefined;

  constructor(options: NameAnswersOptions) {
    this.#options = options;
  }

  /** News of what lies below the name's claims. */
  hear(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'delete') this.#open.delete(change.key);
      else this.#hearQuestion(change.entry);
    }
  }

  stop(): void {
    this.#open.clear();
    this.#timer?.cancel();
  }

  #hearQuestion(entry: KeyValue): void {
    this.#open.delete(entry.key);
    const question = parseNameQuestion(entry.value);
    if (question === undefined || question.answer !== undefined) return;
    this.#open.set(entry.key, entry);
    void this.#answer(entry, question);
  }

  async #answer(entry: KeyValue, question: NameQuestion): Promise<void> {
    try {
      if (await this.#options.answer(entry)) this.#options.onAnswered(question);
      if (this.#open.get(entry.key) === entry) this.#open.delete(entry.key);
    } catch {
      this.#retrySoon();
    }
  }

  /** Until it is answered, taken back or run out: the watch tells. */
  #retrySoon(): void {
    if (this.#open.size === 0) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(RETRY_MS, () => {
      for (const entry of [...this.#open.values()]) this.#hearQuestion(entry);
    });
  }
}

/** An answer to somebody, perhaps to us. */
export function isAnswer(change: Change): boolean {
  return change.kind === 'put' && parseNameQuestion(change.entry.value)?.answer !== undefined;
}
