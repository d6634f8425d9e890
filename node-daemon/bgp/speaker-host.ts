/**
 * The daemon's end of a speaker, wherever that runs: on this thread, or on one of its own, so that a
 * pod's ADD does not wait while a table loads. Shell.
 *
 * Either way commands and messages are those of messages.ts and in order, and no message comes before
 * the call that led to it has returned.
 */
import type {MessagePort} from 'node:worker_threads';

import type {
  Absence,
  Leave,
  ShownPath,
  ShowQuery,
  SpeakerConfig,
  SpeakerStart,
  SpeakerStatus,
} from '#bgp-fsm';
import type {SpeakerCommand, SpeakerMessage} from './messages.js';
import {runHere, runOnThread, type SpeakerEnd} from './speaker-thread.js';

export type HostCommand = Exclude<
  SpeakerCommand,
  {kind: 'start' | 'configure' | 'show' | 'status' | 'absence' | 'leave'}
>;
export type HostMessage = Exclude<SpeakerMessage, Answer | {kind: 'left'}>;

export interface HostOptions {
  readonly thread: 'own' | 'ours';
  /** Of a thread of its own: where the kernel's end is; else onMessage hears what concerns that. */
  readonly routesTo?: MessagePort;
  readonly start: SpeakerStart;
  readonly onMessage: (message: HostMessage) => void;
  /** The thread has died of an error: nothing of the speaker is left. */
  readonly onDeath: (error: Error) => void;
}

export class SpeakerHost {
  readonly #end: SpeakerEnd;
  readonly #onMessage: (message: HostMessage) => void;
  readonly #waiting = new Map<number, Waiter>();
  #death: Error | undefined;
  #nextId = 1;
  #left: (() => void) | undefined;
  #leaving: Promise<void> | undefined;

  constructor({thread, routesTo, start, onMessage, onDeath}: HostOptions) {
    this.#onMessage = onMessage;
    const hear = (message: SpeakerMessage) => this.#hear(message);
    const die = (error: Error) => {
      this.#death = error;
      this.#refuse(error);
      this.#left?.();
      onDeath(error);
    };
    this.#end = thread === 'own' ? runOnThread(hear, die, routesTo) : runHere(hear, die);
    this.#end.tell({kind: 'start', start});
  }

  /** What has no answer. */
  tell(command: HostCommand): void {
    this.#end.tell(command);
  }

  configure(config: SpeakerConfig): void {
    this.#end.tell({kind: 'configure', config});
  }

  async status(): Promise<SpeakerStatus> {
    const answer = await this.#ask(id => ({kind: 'status', id}));
    if (answer.kind !== 'status') throw new Error(`${answer.kind} for status`);
    return answer.status;
  }

  async absence(): Promise<Absence> {
    const answer = await this.#ask(id => ({kind: 'absence', id}));
    if (answer.kind !== 'absence') throw new Error(`${answer.kind} for absence`);
    return answer.absence;
  }

  async show(query: ShowQuery): Promise<readonly ShownPath[]> {
    const answer = await this.#ask(id => ({kind: 'show', id, query}));
    if (answer.kind !== 'shown') throw new Error(`${answer.kind} for show`);
    return answer.paths;
  }

  /** Resolves when every connection has said its last words; the thread is gone then. Once. */
  leave(how: Leave): Promise<void> {
    this.#leaving ??= this.#leave(how);
    return this.#leaving;
  }

  /** What was asked before is answered before. */
  async #leave(how: Leave): Promise<void> {
    if (this.#death === undefined) {
      const left = new Promise<void>(resolve => (this.#left = resolve));
      this.#end.tell({kind: 'leave', how});
      await left;
    }
    await this.#end.close();
    this.#refuse(new Error('the speaker has left'));
  }

  #refuse(why: Error): void {
    for (const {reject} of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }

  #ask(command: (id: number) => SpeakerCommand): Promise<Answer> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#death);
      if (this.#leaving !== undefined) return reject(new Error('the speaker leaves')); // in vain
      this.#waiting.set(id, {resolve, reject});
      this.#end.tell(command(id));
    });
  }

  #hear(message: SpeakerMessage): void {
    switch (message.kind) {
      case 'status':
      case 'absence':
      case 'shown':
        this.#waiting.get(message.id)?.resolve(message);
        this.#waiting.delete(message.id);
        return;
      case 'left':
        this.#left?.();
        return;
      default:
        this.#onMessage(message);
    }
  }
}

interface Waiter {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

type Answer = Extract<SpeakerMessage, {kind: 'shown' | 'status' | 'absence'}>;
