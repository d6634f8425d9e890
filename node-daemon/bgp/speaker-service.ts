/**
 * A speaker behind messages: executes commands, posts what comes of them. Shell over ports that are
 * given; it neither knows nor cares which thread it is on.
 */
import {
  FAMILIES,
  Rib,
  Speaker,
  type Log,
  type PeerPolicy,
  type SpeakerEvent,
  type SpeakerPorts,
  type SpeakerStart,
  type SpeakerStatus,
} from '#bgp-fsm';
import {withoutPolicies} from './config-message.js';
import type {SelectedMessage, SpeakerCommand, SpeakerMessage} from './messages.js';
import {plainFields} from './plain-fields.js';

export interface ServicePorts extends Omit<SpeakerPorts, 'log' | 'transport'> {
  readonly transport: SpeakerPorts['transport'] & {close(): Promise<void>};
}

const SELECTED_AT_ONCE = 1000;
/** A turn of the speaker selects several batches, and hears only after it what was taken. */
const MOST_UNTAKEN = 8;

/** How selected routes are handed on; undefined: there are none now. */
export type TakeSelected = (speaker: Speaker, limit: number) => SelectedMessage | undefined;

/** As objects, with their attributes. */
export const takeRoutes: TakeSelected = (speaker, limit) => {
  const routes = speaker.takeSelected(limit);
  return routes.length === 0 ? undefined : {kind: 'selected', routes};
};

/** For the way to another thread. */
export const takeColumns: TakeSelected = (speaker, limit) => {
  const columns = speaker.takeSelectedColumns(limit);
  return columns && {kind: 'selectedColumns', columns};
};

export class SpeakerService {
  readonly #ports: ServicePorts;
  readonly #post: (message: SpeakerMessage) => void;
  readonly #take: TakeSelected;
  #speaker: Speaker | undefined;
  #isInstalling = true;
  #untaken = 0; // batches of selected routes that are with the receiver
  #later: SpeakerMessage[] = []; // sweeps, which follow what is selected

  constructor(ports: ServicePorts, post: (message: SpeakerMessage) => void, take: TakeSelected) {
    this.#ports = ports;
    this.#post = post;
    this.#take = take;
  }

  /** The log of the speaker and of its transport. */
  readonly log: Log = (level, message, fields) =>
    this.#post({kind: 'log', level, message, fields: plainFields(fields)});

  execute(command: SpeakerCommand): void {
    if (command.kind === 'start') {
      this.#start(command.start);
      return;
    }
    const speaker = this.#speaker;
    if (speaker === undefined) throw new Error(`${command.kind} before start`);
    switch (command.kind) {
      case 'configure':
        return speaker.configure(command.config);
      case 'localRoutes':
        return speaker.setLocalRoutes(command.routes);
      case 'nextHops':
        return speaker.setNextHops(command.states);
      case 'reset':
        speaker.reset(command.peer, command.words);
        return;
      case 'refresh':
        speaker.refresh(command.peer, command.direction, command.family);
        return;
      case 'installRoutes':
        return this.#install(speaker, command.isWanted);
      case 'selectedTaken':
        this.#untaken--;
        this.#offer(speaker);
        return;
      case 'show':
        this.#post({kind: 'shown', id: command.id, paths: speaker.show(command.query)});
        return;
      case 'status':
        this.#post({kind: 'status', id: command.id, status: plainStatus(speaker.status())});
        return;
      case 'absence':
        this.#post({kind: 'absence', id: command.id, absence: speaker.absence()});
        return;
      case 'leave':
        speaker.leave(command.how);
        void this.#ports.transport.close().then(() => this.#post({kind: 'left'}));
        return;
    }
  }

  #start(start: SpeakerStart): void {
    const ports = {...this.#ports, log: this.log};
    this.#speaker = new Speaker(ports, new Rib(), start, event => this.#hear(event));
  }

  #install(speaker: Speaker, isWanted: boolean): void {
    if (isWanted === this.#isInstalling) return;
    this.#isInstalling = isWanted;
    this.#post({kind: 'install', isWanted});
    if (isWanted) for (const family of FAMILIES) speaker.reselectAll(family);
  }

  #hear(event: SpeakerEvent): void {
    const speaker = this.#speaker;
    if (event.kind === 'routes') {
      if (speaker !== undefined) this.#offer(speaker);
    } else if (event.kind === 'sweep') {
      this.#later.push(event);
      if (speaker !== undefined) this.#offer(speaker);
    } else {
      this.#post(event);
    }
  }

  #offer(speaker: Speaker): void {
    const changes = speaker.takeNextHopInterest();
    if (changes.length > 0) this.#post({kind: 'nextHopInterest', changes});
    while (this.#untaken < MOST_UNTAKEN) {
      const selected = this.#take(speaker, SELECTED_AT_ONCE);
      if (selected === undefined) return this.#tellLater();
      this.#untaken++;
      this.#post(selected);
    }
  }

  #tellLater(): void {
    for (const message of this.#later) this.#post(message);
    this.#later = [];
  }
}

/** Policies are code, which no thread can hand to another. */
function plainStatus({peers, ranges, ...status}: SpeakerStatus): SpeakerStatus {
  return {...status, peers: peers.map(withPlainConfig), ranges: ranges.map(withPlainConfig)};
}

function withPlainConfig<C extends {readonly policy: PeerPolicy}, T extends {readonly config: C}>(
  each: T,
): T {
  return {...each, config: withoutPolicies(each.config)};
}
