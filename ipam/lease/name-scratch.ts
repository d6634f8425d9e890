/** Machines that share the node name "a", for tests. A record is "<machine> <ranges>" here. */
import type {EtcdClient} from '../etcd/store.js';
import {nameClaimsPrefix} from '../keys.js';
import type {LeaseKeeper} from './keeper.js';
import {parseNameQuestion} from './name-question.js';
import {pools, prefix} from './scratch-keeper.js';

export const nameClaims = nameClaimsPrefix(prefix, 'a');

/** It goes by itself, and is turned by hand. */
export function createClock() {
  let skewMs = 0;
  return {
    boottimeMs: () => performance.now() + 1e6 + skewMs,
    forward: (ms: number) => void (skewMs += ms),
  };
}

/** The texts of records that it took over go to `taken`. */
export async function startAs(
  machine: string,
  keeper: LeaseKeeper,
  taken: string[] = [],
): Promise<void> {
  keeper.attachRecord({
    key: `${prefix}/nodes/a`,
    render: ranges => `${machine} ${ranges.map(({cidr}) => cidr).join()}`,
    nameTaken: text => (text.startsWith(machine) ? undefined : `taken by ${text.split(' ')[0]}`),
    onTakenOver: text => taken.push(text),
    addresses: () => [`address of ${machine}`],
  });
  keeper.setPools(pools);
  await keeper.start();
}

/** What the daemon's watch does: answers, and looks when there is an answer. Counts the questions. */
export async function listen(store: EtcdClient, keeper: LeaseKeeper): Promise<() => number> {
  let questions = 0;
  const {revision} = await store.list(nameClaims);
  await store.watch(nameClaims, revision + 1, {
    onEvents(events) {
      for (const event of events) {
        if (event.kind === 'delete') continue;
        if (parseNameQuestion(event.entry.value)?.answer) keeper.recheck();
        else {
          questions++;
          void keeper.answer(event.entry).catch(() => undefined);
        }
      }
    },
    onEnd: () => undefined,
  });
  return () => questions;
}
