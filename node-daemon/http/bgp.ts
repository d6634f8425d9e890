/** The paths of BGP, and what is answered where no speaker runs. Pure, but for who is asked. */
import type {ApiProblem, BgpOverview, BgpPeersAnswer, BgpRoutesAnswer} from '../bgp/api.js';
import {failure, json, type Answer, type Answerer} from './answer.js';

/** Undefined: no speaker runs here. */
export interface BgpAnswers {
  peers(): Promise<BgpPeersAnswer | undefined>;
  /** Undefined also when the speaker does not answer in time: who asks has other things to say. */
  overview(): Promise<BgpOverview | undefined>;
  routes(query: URLSearchParams): Promise<BgpRoutesAnswer | ApiProblem | undefined>;
}

export function toBgpPaths(bgp?: BgpAnswers): ReadonlyMap<string, Answerer> {
  return new Map<string, Answerer>([
    ['/v1/bgp/peers', async () => toAnswer(await bgp?.peers())],
    ['/v1/bgp/routes', async query => toAnswer(await bgp?.routes(query))],
  ]);
}

function toAnswer(body: BgpPeersAnswer | BgpRoutesAnswer | ApiProblem | undefined): Answer {
  if (body === undefined) return failure(404, 'NO_BGP', 'no BGP speaker runs on this node');
  if (!('code' in body)) return json(200, body);
  return failure(body.code === 'BAD_QUERY' ? 400 : 404, body.code, body.message);
}
