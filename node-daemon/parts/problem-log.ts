/** What `twillctl node status` lists as problems, in the daemon's log as it comes and goes. Shell. */
import {systemClock, type Timer} from '../datastore/clock.js';
import {allProblems} from '../http/node-status.js';
import type {Context} from './context.js';
import type {Part} from './part.js';
import {ProblemNews} from './problem-news.js';

const LOOK_MS = 2000;

/** `parts`: those whose problems are shown. */
export function createProblemLog({core, log, news}: Context, parts: readonly Part[]): Part {
  const problemNews = new ProblemNews();
  let timer: Timer | undefined;

  function look(): void {
    const problems = parts.flatMap(part => part.problems?.() ?? []);
    const {came, gone} = problemNews.look(
      systemClock.nowMs(),
      allProblems({health: core.health(), problems}),
    );
    for (const {key, message} of gone) log.info({key, problem: message}, 'problem is over');
    for (const {key, message} of came) log.warn({key, problem: message}, 'problem');
  }

  function lookAgain(): void {
    timer = systemClock.after(LOOK_MS, () => {
      look();
      lookAgain();
    });
  }

  // what is written to etcd is seldom wrong, and is told at once when it is
  news.records.on(events => {
    if (events.some(({kind}) => kind === 'problem')) look();
  });
  return {
    start: lookAgain,
    stop: () => timer?.cancel(),
  };
}
