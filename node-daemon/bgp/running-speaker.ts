/** The speaker and what writes its routes, each on a thread of its own, from their start to their end. Shell. */
import type {Leave} from '#bgp-fsm';
import {systemClock} from '../datastore/clock.js';
import type {Logger} from '../log.js';
import {AbsentPeers} from './absent-peers.js';
import {KernelThread} from './kernel/kernel-thread.js';
import type {RestartMarker} from './restart-marker.js';
import type {RightOfWay} from './right-of-way.js';
import {SpeakerHost, type HostMessage} from './speaker-host.js';

export interface RunningOptions {
  readonly log: Logger;
  readonly marker: RestartMarker;
  readonly verbs: RightOfWay;
  /** One came or went. */
  readonly onSession: () => void;
  /** Of a thread: what is no more done. */
  readonly onDeath: (words: string) => void;
}

export class RunningSpeaker {
  readonly host: SpeakerHost;
  readonly kernel: KernelThread;
  readonly #absent: AbsentPeers;

  /** @throws NetlinkError when the kernel cannot be listened to or read. */
  static async start(options: RunningOptions): Promise<RunningSpeaker> {
    const {log, marker, verbs, onDeath} = options;
    const kernel = await KernelThread.open({
      ...{log, verbs},
      onHolding: families => void marker.note(families).catch(notWritten(log)),
      onDeath(err) {
        onDeath(`no learnt route is written any more: ${err.message}`);
        log.error({err}, 'bgp kernel thread died; restart twilld');
      },
    });
    const start = await marker.begin(kernel.held).catch(async (error: unknown) => {
      await kernel.stop();
      throw error;
    });
    log.info(start, 'bgp speaker started');
    return new RunningSpeaker(kernel, start, options);
  }

  private constructor(
    kernel: KernelThread,
    start: Awaited<ReturnType<RestartMarker['begin']>>,
    {log, marker, onSession, onDeath}: RunningOptions,
  ) {
    this.kernel = kernel;
    this.host = new SpeakerHost({
      ...{thread: 'own', routesTo: kernel.openPort(), start},
      onMessage: message => this.#hear(message, log, onSession),
      onDeath(err) {
        onDeath(`the speaker died: ${err.message}`);
        log.error({err}, 'bgp speaker died; restart twilld');
      },
    });
    this.#absent = new AbsentPeers({
      ...{clock: systemClock, before: start.absent, absence: () => this.host.absence()},
      onChange: peers => void marker.noteAbsent(peers).catch(notWritten(log)),
    });
  }

  /** Routes stay in the kernel. */
  async stop(how: Leave): Promise<void> {
    this.#absent.close();
    await this.host.leave(how);
    await this.kernel.stop();
  }

  #hear(message: HostMessage, log: Logger, onSession: () => void): void {
    switch (message.kind) {
      case 'peerState':
        return this.#absent.hear(message.peer, message.state);
      case 'peerUp':
        log.info({peer: message.peer, asn: message.negotiated.peerAsn}, 'bgp session is up');
        return onSession();
      case 'peerDown':
        log.warn({peer: message.peer, reason: message.words}, 'bgp session is down');
        return onSession();
      case 'log':
        return log[message.level](message.fields, message.message);
      default:
        return;
    }
  }
}

function notWritten(log: Logger): (err: unknown) => void {
  return err => log.warn({err}, 'bgp marker not written');
}
