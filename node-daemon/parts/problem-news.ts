/**
 * What of a node's problems is news: each is told when it comes and when it is over, and one that comes and goes
 * is told once in a minute. What is open after that minute is told then, so that the last line of a problem is
 * true. Pure.
 */
import type {StatusProblem} from '../http/status.js';

const QUIET_MS = 60_000;

export interface ProblemsTold {
  readonly came: readonly StatusProblem[];
  readonly gone: readonly StatusProblem[];
}

export class ProblemNews {
  readonly #open = new Map<string, StatusProblem>(); // told, and not told to be over
  readonly #toldMs = new Map<string, number>(); // the longest ago first

  /** `problems`: all that are open now. */
  look(nowMs: number, problems: readonly StatusProblem[]): ProblemsTold {
    const now = new Map(problems.map(problem => [identityOf(problem), problem]));
    const gone = [...this.#open].filter(([identity]) => !now.has(identity));
    for (const [identity] of gone) this.#open.delete(identity);
    this.#forget(nowMs);
    const came = [...now].filter(([id]) => !this.#open.has(id) && !this.#toldMs.has(id));
    for (const [identity, problem] of came) {
      this.#open.set(identity, problem);
      this.#toldMs.set(identity, nowMs);
    }
    const plain = (all: typeof gone) => all.map(([, problem]) => problem);
    return {came: plain(came), gone: plain(gone)};
  }

  #forget(nowMs: number): void {
    for (const [identity, toldMs] of this.#toldMs) {
      if (nowMs - toldMs < QUIET_MS) return;
      this.#toldMs.delete(identity);
    }
  }
}

function identityOf({key, message}: StatusProblem): string {
  return `${key}\n${message}`;
}
