/**
 * What becomes of a dump that the kernel calls interrupted. The channel is on paper: the real kernel
 * interrupts when it likes, so that only here each attempt can be told what to answer.
 */
import test, {type ExecutionContext} from 'ava';

import {NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE} from './constants.js';
import {encodeBatch, Frames, type Request} from './message.js';
import {dumpRoutes} from './route.js';
import {type NetlinkChannel, openNetlinkOver} from './socket.js';

const OBJECT = 24;
const dump = dumpRoutes({family: 'ipv4'});

/** An answer: how many objects, and which message is marked; undefined: none. */
interface Answer {
  readonly objects: number;
  readonly marked?: number;
}

/** Answers the first dump with the first, and so on; the last one is repeated. */
class PaperChannel implements NetlinkChannel {
  asked = 0;
  readonly #answers: readonly Answer[];
  readonly #rest: Uint8Array[] = [];

  constructor(answers: readonly Answer[]) {
    this.#answers = answers;
  }

  port = () => 0;
  close = () => undefined;

  /** The first half at once, the second when it is asked for more. */
  async exchange(bytes: Uint8Array): Promise<Uint8Array> {
    const frames = new Frames(bytes);
    frames.next();
    const answer = this.#answers[Math.min(this.asked++, this.#answers.length - 1)];
    const messages = answered(answer ?? {objects: 0}, frames.sequence);
    const half = Math.ceil(messages.length / 2);
    this.#rest.push(joined(messages.slice(half)));
    return joined(messages.slice(0, half));
  }

  async receive(): Promise<Uint8Array> {
    return this.#rest.shift() ?? new Uint8Array(0);
  }
}

async function dumpOver(t: ExecutionContext, ...answers: readonly Answer[]) {
  const channel = new PaperChannel(answers);
  const socket = await openNetlinkOver(async () => channel);
  t.teardown(() => socket.close());
  return {channel, result: socket.dump(dump)};
}

test('a dump that was not interrupted is asked for once', async t => {
  const {channel, result} = await dumpOver(t, {objects: 3});
  t.is((await result).length, 3);
  t.is(channel.asked, 1);
});

for (const [where, marked] of Object.entries({first: 0, middle: 2, NLMSG_DONE: 4})) {
  test(`interrupted at ${where}: nothing of it is used, and it is asked for again`, async t => {
    const {channel, result} = await dumpOver(t, {objects: 4, marked}, {objects: 1});
    t.is((await result).length, 1, 'the objects of the second dump alone');
    t.is(channel.asked, 2);
  });
}

test('a dump that is interrupted for ever is given up, as one to be taken up again', async t => {
  const {channel, result} = await dumpOver(t, {objects: 2, marked: 1});
  const error = await t.throwsAsync(result, {code: 'EINTR'});
  t.like(error, {retry: 'resync'});
  t.is(channel.asked, 6);
});

test('an interrupted dump does not spoil the next', async t => {
  const channel = new PaperChannel([{objects: 2, marked: 0}, {objects: 2}, {objects: 5}]);
  const socket = await openNetlinkOver(async () => channel);
  const both = await Promise.all([socket.dump(dump), socket.dump(dump)]);
  t.deepEqual(
    both.map(messages => messages.length),
    [2, 5],
  );
});

function answered({objects, marked}: Answer, sequence: number): Uint8Array[] {
  const messages = Array.from({length: objects + 1}, (_, at): Request => {
    const flags = NLM_F_MULTI | (at === marked ? NLM_F_DUMP_INTR : 0);
    const type = at === objects ? NLMSG_DONE : OBJECT;
    return {op: 'answer', type, flags, payload: new Uint8Array(4)};
  });
  return messages.map(message => encodeBatch([message], sequence, 0).bytes);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap(part => [...part]));
}
