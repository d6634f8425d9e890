import test, {type ExecutionContext} from 'ava';
import {nameClaims} from './name-scratch.js';
import {NameInquiry, planAnswer} from './name-question.js';
import {prefix, storeFor} from './scratch-keeper.js';

const key = `${prefix}/nodes/a`;

async function inquiryFor(t: ExecutionContext) {
  const {store} = await storeFor(t);
  const leaseId = await store.grantLease(600);
  await store.put(key, 'm1', {leaseId});
  let nowMs = 1e6;
  const node = {name: 'a', uid: 'uid-b'};
  const inquiry = new NameInquiry({store, prefix, node, boottimeMs: () => nowMs});
  const record = async () => (await store.get(key))!;
  const look = async (atMs: number) => {
    nowMs = 1e6 + atMs;
    return (await inquiry.look(await record(), [])).kind;
  };
  const questions = async () => (await store.list(nameClaims)).entries;
  return {store, inquiry, record, look, questions};
}

test('no answer within 30 s', async t => {
  const {look, questions} = await inquiryFor(t);
  for (const atMs of [0, 5000, 29_999]) t.is(await look(atMs), 'awaited');
  t.is((await questions()).length, 1);
  t.is(await look(30_000), 'none');
});

test('an answer; asked again half a minute later, it counts as alive until it misses a look', async t => {
  const {store, record, look, questions} = await inquiryFor(t);
  await look(0);
  const {compare, success} = planAnswer((await questions())[0]!, await record(), 'uid-a');
  t.true((await store.transact(compare, success)).succeeded);
  t.regex((await questions())[0]!.value, /"uid":"uid-b".*"answer":\{"uid":"uid-a"\}/);
  t.is(await look(20_000), 'alive');
  t.deepEqual(await questions(), []);
  t.is(await look(49_999), 'alive');
  t.deepEqual(await questions(), []);
  t.is(await look(50_000), 'alive');
  t.is((await questions()).length, 1);
  t.is(await look(55_000), 'awaited');
  t.is(await look(80_000), 'none');
});

test('the holder has its time anew after etcd was away', async t => {
  const {inquiry, look} = await inquiryFor(t);
  await look(0);
  inquiry.doubt();
  t.is(await look(16_000), 'awaited');
  t.is(await look(45_999), 'awaited');
  t.is(await look(46_000), 'none');
});

test('a question that ran out was read by nobody: asked anew', async t => {
  const {store, look, questions} = await inquiryFor(t);
  await look(0);
  const [question] = await questions();
  await store.revokeLease(question!.leaseId);
  t.is(await look(60_000), 'awaited');
  t.not((await questions())[0]!.key, question!.key);
  t.is(await look(89_999), 'awaited');
  t.is(await look(90_000), 'none');
});
