/** UPDATEs of a peer that RFC 7606 handled: counted all, and one in a while logged whole. */
import type {Received} from '../rib/types.js';
import type {SpeakerPorts} from './ports.js';

const COMPLAIN_EVERY_MS = 10_000; // a line, whatever the peer sends

export class FaultLog {
  readonly #ports: SpeakerPorts;
  #complainedMs = -Infinity;
  count = 0;

  constructor(ports: SpeakerPorts) {
    this.#ports = ports;
  }

  note(peer: string, received: Received, octets: Uint8Array): void {
    const nowMs = this.#ports.clock.nowMs();
    if (nowMs - this.#complainedMs < COMPLAIN_EVERY_MS) return;
    this.#complainedMs = nowMs;
    const message = Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('');
    this.#ports.log('warn', 'malformed update', {peer, received, message});
  }
}
