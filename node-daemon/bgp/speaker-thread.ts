/**
 * The two ways to run a SpeakerService: here, or on a thread of its own (speaker-worker.ts). Shell. What
 * cannot be cloned is packed on the way: policies are code.
 */
import {Worker, type MessagePort} from 'node:worker_threads';

import {packConfig, type ConfigMessage} from './config-message.js';
import type {SpeakerCommand, SpeakerMessage} from './messages.js';
import {SpeakerService, takeRoutes, type TakeSelected} from './speaker-service.js';
import {createClock} from './transport/clock.js';
import {SocketTransport} from './transport/socket-transport.js';

export type ThreadCommand =
  | Exclude<SpeakerCommand, {kind: 'configure'}>
  | {readonly kind: 'configure'; readonly packed: ConfigMessage}
  /** What concerns the kernel's end goes over this port, and its answers come over it. */
  | {readonly kind: 'routesTo'; readonly port: MessagePort};

export interface SpeakerEnd {
  tell(command: SpeakerCommand): void;
  close(): Promise<void>;
}

type Hear = (message: SpeakerMessage) => void;

/**
 * A service over real sockets, for whichever thread this is. `onTurn`: the speaker has something to do.
 * @throws NetlinkError when the kernel does not tell its addresses.
 */
export async function createService(
  post: (message: SpeakerMessage) => void,
  take: TakeSelected,
  onTurn: () => void = () => undefined,
): Promise<SpeakerService> {
  const transport = await SocketTransport.open((...line) => service.log(...line));
  const ports = {clock: createClock(onTurn), random: Math.random, transport};
  const service = new SpeakerService(ports, post, take);
  return service;
}

export function runHere(hear: Hear, onDeath: (error: Error) => void): SpeakerEnd {
  const opening = createService(message => queueMicrotask(() => hear(message)), takeRoutes);
  return {
    tell(command) {
      opening.then(service => service.execute(command)).catch(onDeath);
    },
    async close() {},
  };
}

export function runOnThread(
  hear: Hear,
  onDeath: (error: Error) => void,
  routesTo?: MessagePort,
): SpeakerEnd {
  const worker = new Worker(new URL('./speaker-worker.js', import.meta.url), {name: 'bgp'});
  worker.on('message', hear);
  worker.on('error', onDeath);
  if (routesTo !== undefined) {
    const command: ThreadCommand = {kind: 'routesTo', port: routesTo};
    worker.postMessage(command, [routesTo]);
  }
  return {
    tell(command) {
      const packed: ThreadCommand =
        command.kind === 'configure'
          ? {kind: 'configure', packed: packConfig(command.config)}
          : command;
      worker.postMessage(packed);
    },
    async close() {
      await worker.terminate();
    },
  };
}
