/**
 * What the HTTP API asks about BGP, answered by the speaker wherever it runs. Shell.
 */
import type {ShowQuery, SpeakerStatus} from '#bgp-fsm';
import type {BgpAnswers} from '../http/bgp.js';
import {toPeersAnswer, type SpeakerSelf} from './api-peers.js';
import {answerRoutes, parseRoutesRequest} from './api-query.js';
import type {SpeakerHost} from './speaker-host.js';

export interface AnswerSource {
  /** Undefined: none runs on this node. */
  speaker(): Pick<SpeakerHost, 'status' | 'show'> | undefined;
  self(): SpeakerSelf;
}

export function createBgpAnswers({speaker, self}: AnswerSource): BgpAnswers {
  return {
    async peers() {
      const status = await speaker()?.status();
      return status && toPeersAnswer(self(), status);
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

function namesOf({peers}: SpeakerStatus): ReadonlyMap<number, string> {
  return new Map(peers.map(({ix, config}) => [ix, config.name]));
}
