/** What a path of the HTTP API answers with, and the shape of refusals. Pure. */
import type {Verdict} from './status.js';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export type Answerer = (query: URLSearchParams) => Answer | Promise<Answer>;

export function json(status: number, value: unknown): Answer {
  return {status, type: 'application/json', body: `${JSON.stringify(value)}\n`};
}

export function failure(status: number, code: string, message: string): Answer {
  return json(status, {error: {code, message}});
}

export function verdict(value: Verdict): Answer {
  return json(value.ok ? 200 : 503, value);
}
