import test from 'ava';

import {Answers, DumpAnswers} from './answers.js';
import {NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN} from './constants.js';
import {encodeBatch, RequestList, type Request} from './message.js';

const message = (type: number, flags: number, payload = new Uint8Array(4)): Request => ({
  op: 'test',
  type,
  flags,
  payload,
});
const bytes = (sequence: number, ...messages: readonly Request[]) =>
  Uint8Array.from(messages.flatMap(m => [...encodeBatch([m], sequence, 0).bytes]));
const errno = (number: number) => new Uint8Array(Int32Array.of(-number, 0, 0, 0, 0).buffer);
const OBJECT = 24;

test('a dump is whole at NLMSG_DONE, in as many pieces as it comes', t => {
  let objects = 0;
  const answers = new DumpAnswers('dump', 7, () => objects++);
  answers.take(bytes(7, message(OBJECT, NLM_F_MULTI), message(OBJECT, NLM_F_MULTI)));
  t.is(objects, 2);
  t.false(answers.complete);
  answers.take(bytes(7, message(OBJECT, NLM_F_MULTI), message(NLMSG_DONE, NLM_F_MULTI)));
  t.true(answers.complete);
  t.is(objects, 3);
  t.false(answers.interrupted);
});

test('a dump that any message calls interrupted is interrupted', t => {
  for (const at of [0, 1, 2]) {
    let objects = 0;
    const answers = new DumpAnswers('dump', 7, () => objects++);
    const flags = (i: number) => NLM_F_MULTI | (i === at ? NLM_F_DUMP_INTR : 0);
    answers.take(
      bytes(7, message(OBJECT, flags(0)), message(OBJECT, flags(1)), message(NLMSG_DONE, flags(2))),
    );
    t.true(answers.complete && answers.interrupted);
    t.is(objects, at, 'those from there on are not handed on');
  }
});

test('what another dump left behind does not count', t => {
  const answers = new DumpAnswers('dump', 7, () => t.fail());
  answers.take(bytes(6, message(OBJECT, NLM_F_DUMP_INTR), message(NLMSG_DONE, 0)));
  answers.take(bytes(7, message(NLMSG_DONE, 0)));
  t.true(answers.complete);
  t.false(answers.interrupted);
});

test('a dump can be refused, and can fail at its end', t => {
  const take = (type: number, number: number) => () =>
    new DumpAnswers('dump routes', 7, () => t.fail()).take(
      bytes(7, message(type, 0, errno(number))),
    );
  t.throws(take(NLMSG_ERROR, 95), {code: 'EOPNOTSUPP', message: 'dump routes: EOPNOTSUPP'});
  t.throws(take(NLMSG_DONE, 12), {code: 'ENOMEM'});
  t.notThrows(take(NLMSG_ERROR, 2)); // the filter's table does not exist
});

test('each refused request has its own error, and the last of a batch answers for all of it', t => {
  const requests = Array.from({length: 4}, () => message(24, 0));
  const answers = new Answers(new RequestList(requests), 0xfffffffe, [1, 3]);
  answers.take(bytes(0xffffffff, message(NLMSG_ERROR, 0, errno(0))));
  answers.take(bytes(0, message(NLMSG_ERROR, 0, errno(17)))); // not the last: its batch goes on
  t.false(answers.complete);
  t.is(answers.firstMissing, 'test');
  answers.take(bytes(1, message(NLMSG_ERROR, 0, errno(1))));
  t.true(answers.complete);
  t.deepEqual(
    answers.errors.map(error => error?.code),
    [undefined, undefined, 'EEXIST', 'EPERM'],
  );
});

test('batches are answered in any order', t => {
  const requests = [message(24, 0), message(24, 0), message(24, 0)];
  const answers = new Answers(new RequestList(requests), 0xfffffffe, [0, 1, 2]);
  answers.take(bytes(0, message(NLMSG_ERROR, 0, errno(17))));
  answers.take(bytes(0xfffffffe, message(NLMSG_ERROR, 0, errno(0))));
  answers.take(bytes(0xfffffffe, message(NLMSG_ERROR, 0, errno(3)))); // a second answer
  answers.take(bytes(0xfffffff0, message(NLMSG_ERROR, 0, errno(3)))); // of another batch
  t.false(answers.complete);
  answers.take(bytes(0xffffffff, message(NLMSG_ERROR, 0, errno(0))));
  t.true(answers.complete);
  t.deepEqual(
    answers.errors.map(error => error?.code),
    [undefined, undefined, 'EEXIST'],
  );
});

test('lost answers are a failure of the socket', t => {
  const answers = new Answers(new RequestList([message(24, 0)]), 1, [0]);
  const error = t.throws(() => answers.take(bytes(0, message(NLMSG_OVERRUN, 0))), {
    code: 'ENOBUFS',
  });
  t.like(error, {retry: 'resync'});
});
