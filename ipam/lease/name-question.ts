import {randomUUID} from 'node:crypto';
import {LeaseNotFoundError, StoreConflictError} from '../etcd/error.js';
import type {Compare, EtcdClient, KeyValue, Op} from '../etcd/store.js';
import {nameClaimsPrefix} from '../keys.js';

/**
 * Asks the machine whose record lies under our node's name whether it lives. Shell.
 *
 *   we       put    name-claims/<name>/<nonce>     under a lease of its own
 *   holder   puts its answer into the same key, if the node record is still the one that it has written
 *   we       have the name when 30 s later neither question nor record has changed: one transaction
 *
 * A lease proves only that its holder lived a day ago; an answer proves that it lives. Any write to the
 * record is an answer too. The holder is given its time anew after each look that failed: an etcd that was
 * away was away for it as well.
 */
/** A holder may be deaf for half of it, while its connection to an etcd member dies without a word. */
const ANSWER_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 5_000;
const ASK_AGAIN_MS = 30_000;
const QUESTION_TTL_SECONDS = 60;

export const awaited = `it was asked whether it lives; without an answer in ${ANSWER_WITHIN_MS / 1000} s the name is taken over`;

/** What lies under a question's key. Unknown fields are let through. */
export interface NameQuestion {
  readonly uid: string; // of who asks
  readonly addresses: readonly string[];
  readonly answer?: {readonly uid: string} | undefined;
}

export type NameAnswer =
  | {readonly kind: 'awaited'; readonly lookAtMs: number}
  | {readonly kind: 'alive'; readonly lookAtMs: number}
  | {readonly kind: 'none'; readonly unchanged: readonly Compare[]};

export interface NameInquiryOptions {
  readonly store: EtcdClient;
  readonly prefix: string; // of our keys in etcd
  readonly node: {readonly name: string; readonly uid: string};
  boottimeMs(): number;
}

interface Asked {
  readonly key: string;
  readonly leaseId: string;
  readonly modRevision: number; // of the question
  readonly recordRevision: number;
  readonly sinceMs: number | undefined; // undefined: there was doubt, the time begins at the next look
}

export class NameInquiry {
  readonly #options: NameInquiryOptions;
  #asked: Asked | undefined;
  #aliveAtMs: number | undefined;

  constructor(options: NameInquiryOptions) {
    this.#options = options;
  }

  /** What is known of the holder, whose record is `record`. Asks when it is time to. @throws StoreError. */
  async look(record: KeyValue, addresses: readonly string[]): Promise<NameAnswer> {
    const nowMs = this.#options.boottimeMs();
    if (this.#asked === undefined) {
      const askAtMs = (this.#aliveAtMs ?? -Infinity) + ASK_AGAIN_MS;
      if (nowMs < askAtMs) return {kind: 'alive', lookAtMs: askAtMs};
      await this.#ask(record, addresses);
      // One that answered before is told to be alive until it has missed a look.
      const kind = this.#aliveAtMs === undefined ? 'awaited' : 'alive';
      return {kind, lookAtMs: nowMs + LOOK_EVERY_MS};
    }
    const {key, modRevision, recordRevision, sinceMs = nowMs} = this.#asked;
    const question = await this.#options.store.get(key);
    if (record.modRevision !== recordRevision || isAnswered(question)) {
      this.#aliveAtMs = nowMs;
      await this.close();
      return {kind: 'alive', lookAtMs: nowMs + ASK_AGAIN_MS};
    }
    if (question?.modRevision !== modRevision) {
      this.#asked = undefined; // it ran out, or etcd is another: nobody has read it in time
      return this.look(record, addresses);
    }
    this.#asked = {...this.#asked, sinceMs};
    const endsAtMs = sinceMs + ANSWER_WITHIN_MS;
    if (nowMs >= endsAtMs) return {kind: 'none', unchanged: [{key, modRevision}]};
    return {kind: 'awaited', lookAtMs: Math.min(endsAtMs, nowMs + LOOK_EVERY_MS)};
  }

  /** etcd could not be asked. */
  doubt(): void {
    if (this.#asked) this.#asked = {...this.#asked, sinceMs: undefined};
  }

  /** Takes the question back. It would go by itself, later. */
  async close(): Promise<void> {
    const leaseId = this.#asked?.leaseId;
    this.#asked = undefined;
    if (leaseId !== undefined) {
      await this.#options.store.revokeLease(leaseId).catch(() => undefined);
    }
  }

  async #ask(record: KeyValue, addresses: readonly string[]): Promise<void> {
    const {store, prefix, node, boottimeMs} = this.#options;
    const key = nameClaimsPrefix(prefix, node.name) + randomUUID();
    const question: NameQuestion = {uid: node.uid, addresses};
    const leaseId = await store.grantLease(QUESTION_TTL_SECONDS);
    const modRevision = await store
      .put(key, JSON.stringify(question), {leaseId})
      .catch((error: unknown) => {
        if (!(error instanceof LeaseNotFoundError)) throw error;
        throw new StoreConflictError(error.message, {cause: error}); // it is not the node's lease
      });
    const sinceMs = boottimeMs();
    this.#asked = {key, leaseId, modRevision, recordRevision: record.modRevision, sinceMs};
  }
}

/** The holder's answer, to be written only while its record is as it read it. */
export function planAnswer(
  question: KeyValue,
  record: KeyValue,
  uid: string,
): {readonly compare: readonly Compare[]; readonly success: readonly Op[]} {
  const {key, modRevision, leaseId} = question;
  const value = JSON.stringify({...parseNameQuestion(question.value), answer: {uid}});
  return {
    compare: [
      {key, modRevision},
      {key: record.key, modRevision: record.modRevision},
    ],
    success: [{kind: 'put', key, value, leaseId}],
  };
}

/** Undefined when the text is no question. */
export function parseNameQuestion(text: string): NameQuestion | undefined {
  try {
    const question = JSON.parse(text) as Partial<NameQuestion> | null;
    return typeof question?.uid === 'string' && Array.isArray(question.addresses)
      ? (question as NameQuestion)
      : undefined;
  } catch {
    return undefined;
  }
}

function isAnswered(question: KeyValue | undefined): boolean {
  return question !== undefined && parseNameQuestion(question.value)?.answer !== undefined;
}
