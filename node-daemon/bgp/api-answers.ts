/**
 * What the HTTP API asks about BGP, answered by the speaker wherever it runs. Shell.
 */
import type {ShowQuery, SpeakerStatus} from '#bgp-fsm';
import type {Clock, Timer} from '../datastore/clock.js';
import type {BgpAnswers} from '../http/bgp.js';
import type {BgpKernelView, BgpWishView} from './api.js';
import {toPeersAnswer, type SpeakerSelf} from './api-peers.js';
import {answerRoutes, parseRoutesRequest} from './api-query.js';
import type {SpeakerHost} from './speaker-host.js';

export interface AnswerSource {
  /** Undefined: none runs on this node. */
  speaker(): Pick<SpeakerHost, 'status' | 'show'> | undefined;
  /** Undefined: its routes are not written. */
  kernel(): Promise<BgpKernelView> | undefined;
  self(): SpeakerSelf;
  wish(): BgpWishView;
  readonly clock: Clock;
}

const OVERVIEW_WITHIN_MS = 2000;

export function createBgpAnswers({speaker, kernel, self, wish, clock}: AnswerSource): BgpAnswers {
  return {
    async peers() {
      const status = await speaker()?.status();
      return status && toPeersAnswer(self(), status);
    },
    async overview() {
      const asked = Promise.all([speaker()?.status(), kernel()]);
      const answer = await inTime(
        clock,
        asked.catch(() => undefined),
      ); // of a thread that died: see problems
      if (answer === undefined) return undefined;
      const [status, written] = answer;
      if (status === undefined || written === undefined) return undefined;
      return {...toPeersAnswer(self(), status), kernel: written, wish: wish()};
    },
    async routes(query) {
      const asked = speaker();
      if (asked === undefined) return undefined;
      const parsed = parseRoutesRequest(query);
      if (parsed.kind === 'refused') return parsed.problem;
      const names = namesOf(await asked.status());
      return answerRoutes(parsed.request, names, (page: ShowQuery) => asked.show(page));
    },
  };
}

async function inTime<T>(clock: Clock, answer: Promise<T>): Promise<T | undefined> {
  let timer: Timer | undefined;
  const late = new Promise<undefined>(resolve => {
    timer = clock.after(OVERVIEW_WITHIN_MS, () => resolve(undefined));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    timer?.cancel();
  }
}

function namesOf({peers}: SpeakerStatus): ReadonlyMap<number, string> {
  return new Map(peers.map(({ix, config}) => [ix, config.name]));
}
