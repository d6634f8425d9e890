import test from 'ava';
import {LeaseNotFoundError, StoreUnavailableError, type KeyValue} from '#ipam';
import {ManualClock} from '../datastore/clock.js';
import {NameAnswers} from './name-answers.js';

function entryOf(key: string, answer?: {uid: string}): KeyValue {
  const value = JSON.stringify({uid: 'b', addresses: ['192.0.2.2'], answer});
  return {key, value, createRevision: 1, modRevision: 1, leaseId: '7'};
}

const put = (key: string, answer?: {uid: string}) =>
  ({kind: 'put', entry: entryOf(key, answer)}) as const;

function answersWith(outcomes: (boolean | Error)[]) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const told: string[] = [];
  const answers = new NameAnswers({
    clock,
    onAnswered: ({uid}) => told.push(uid),
    answer({key}) {
      asked.push(key);
      const outcome = outcomes.shift() ?? true;
      return outcome instanceof Error ? Promise.reject(outcome) : Promise.resolve(outcome);
    },
  });
  return {clock, asked, told, answers};
}

test('a question is answered at once, and once', async t => {
  const {clock, asked, told, answers} = answersWith([true]);
  answers.hear([put('q1')]);
  t.deepEqual(asked, ['q1']);
  answers.hear([put('q1', {uid: 'a'})]);
  await clock.advance(60_000);
  t.deepEqual([asked, told], [['q1'], ['b']]);
});

test('one about a name that is not ours is left', async t => {
  const {clock, asked, told, answers} = answersWith([false]);
  answers.hear([put('q1')]);
  await clock.advance(60_000);
  t.deepEqual([asked, told], [['q1'], []]);
});

test('while etcd is away each second is tried again, until the question goes', async t => {
  const away = new StoreUnavailableError('away');
  const {clock, asked, told, answers} = answersWith([away, away, true, away, away]);
  answers.hear([put('q1')]);
  await clock.advance(2000);
  t.deepEqual([asked.length, told], [3, ['b']]);
  answers.hear([put('q2')]);
  await clock.advance(1000);
  t.is(asked.length, 5);
  answers.hear([{kind: 'delete', key: 'q2'}]);
  await clock.advance(60_000);
  t.is(asked.length, 5);
});

test('one that is gone, no question, and one heard after the end', async t => {
  const {clock, asked, answers} = answersWith([new LeaseNotFoundError('gone')]);
  answers.hear([put('q1'), {kind: 'put', entry: {...entryOf('q2'), value: '{'}}]);
  answers.hear([{kind: 'delete', key: 'q1'}]);
  await clock.advance(60_000);
  t.deepEqual(asked, ['q1']);
});
