/*
 * A dump that is read piece by piece: when the next piece is asked for, what an interrupted one shows, and
 * that the kernel itself goes on only as pieces are taken.
 */
import test from 'ava';

import {createNamespace, privileged} from '../test-lab.js';
import {Channel} from './channel.js';
import {
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_DONE,
  RT_TABLE_MAIN,
} from './constants.js';
import {setLink} from './link.js';
import {encodeBatch, Frames, type Request} from './message.js';
import {newNexthop} from './nexthop.js';
import {dumpRoutes} from './route.js';
import {RouteBatch} from './route-batch.js';
import {RouteView} from './route-view.js';
import {openNetlink, openNetlinkOver, type NetlinkChannel, type NetlinkSocket} from './socket.js';

const OBJECT = 24;
const dump = dumpRoutes({family: 'ipv4'});
type Piece = readonly ('object' | 'interrupted' | 'done')[];

/** Turns of the event loop, as they go by. */
function countTurns(t: {teardown(undo: () => void): void}): {turns: number} {
  const count = {turns: 0};
  const turn = () => {
    count.turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  t.teardown(() => clearImmediate(next));
  return count;
}

/** Answers each dump with the next list of pieces. */
class PaperChannel implements NetlinkChannel {
  readonly dumps: (readonly Piece[])[];
  onAsked: () => void = () => undefined;
  closed = false;
  #pieces: Piece[] = [];
  #sequence = 0;

  constructor(...dumps: readonly (readonly Piece[])[]) {
    this.dumps = [...dumps];
  }

  port = () => 0;
  close = () => void (this.closed = true);

  exchange(bytes: Uint8Array): Promise<Uint8Array> {
    const frames = new Frames(bytes);
    frames.next();
    this.#sequence = frames.sequence;
    this.#pieces = [...(this.dumps.shift() ?? [])];
    return this.receive();
  }

  async receive(): Promise<Uint8Array> {
    this.onAsked();
    const messages = (this.#pieces.shift() ?? []).map((kind): Request => {
      const type = kind === 'done' ? NLMSG_DONE : OBJECT;
      const flags = NLM_F_MULTI | (kind === 'interrupted' ? NLM_F_DUMP_INTR : 0);
      return {op: 'answer', type, flags, payload: new Uint8Array(4)};
    });
    return joined(messages.map(message => encodeBatch([message], this.#sequence, 0).bytes));
  }
}

test('the next piece is asked for when this one is read and the event loop has had its turn', async t => {
  const count = countTurns(t);
  const piece: Piece = ['object', 'object', 'object'];
  const channel = new PaperChannel([piece, piece, piece, ['object', 'done']]);
  const asked: {objects: number; turns: number}[] = [];
  let objects = 0;
  channel.onAsked = () => asked.push({objects, turns: count.turns});
  const socket = await openNetlinkOver(async () => channel);
  await socket.read(dump, {onBegin: () => undefined, onObject: () => objects++});
  t.is(objects, 10);
  t.deepEqual(
    asked.map(each => each.objects),
    [0, 3, 6, 9],
  );
  const turns = asked.map(each => each.turns);
  t.is(new Set(turns).size, 4, `no two in one turn: ${turns}`);
});

test('a reader is told that a dump begins anew, and nothing of one after it was interrupted', async t => {
  const channel = new PaperChannel(
    [
      ['object', 'interrupted', 'object'],
      ['object', 'done'],
    ],
    [['object'], ['object', 'done']],
  );
  const socket = await openNetlinkOver(async () => channel);
  const heard: string[] = [];
  await socket.read(dump, {
    onBegin: () => heard.push('begin'),
    onObject: () => heard.push('object'),
  });
  t.deepEqual(heard, ['begin', 'object', 'begin', 'object', 'object']);
});

test('a dump that is interrupted for ever is given up', async t => {
  const channel = new PaperChannel(...Array<Piece[]>(9).fill([['interrupted'], ['done']]));
  const socket = await openNetlinkOver(async () => channel);
  let begun = 0;
  const reader = {onBegin: () => begun++, onObject: () => t.fail()};
  await t.throwsAsync(socket.read(dump, reader), {code: 'EINTR'});
  t.is(begun, 6);
  t.false(channel.closed, 'it came to its end each time');
});

test('a dump that nobody reads to its end goes with its channel, and the next has another', async t => {
  const opened: PaperChannel[] = [];
  const socket = await openNetlinkOver(async () => {
    opened.push(new PaperChannel([['object'], ['object'], ['done']]));
    return opened.at(-1)!;
  });
  const broken = () => {
    throw new Error('no');
  };
  await t.throwsAsync(socket.read(dump, {onBegin: () => undefined, onObject: broken}), {
    message: 'no',
  });
  t.deepEqual(
    opened.map(({closed}) => closed),
    [false, true],
  );
  t.is((await socket.dump(dump)).length, 2);
  t.is(opened.length, 3);
});

const ROUTES = 50_000;
const LEARNT = {protocol: 84, metric: 2084};
/** A piece of channel.cc with its last datagram, in the shortest routes. */
const MOST_AT_ONCE = ((128 + 64) * 1024) / 44;

privileged('50,000 routes are read in many turns of the event loop, some at a time', async t => {
  const socket = await filled(t);
  const count = countTurns(t);
  const seen = new Set<number>();
  const byTurn = new Map<number, number>();
  const view = new RouteView();
  await socket.read(dumpRoutes({family: 'ipv4', table: RT_TABLE_MAIN}), {
    onBegin: () => seen.clear(),
    onObject(frames) {
      byTurn.set(count.turns, (byTurn.get(count.turns) ?? 0) + 1);
      view.read(frames);
      seen.add(new DataView(view.octets.buffer).getUint32(view.addressAt));
    },
  });
  t.is(seen.size, ROUTES);
  const most = Math.max(...byTurn.values());
  t.true(most <= MOST_AT_ONCE, `${most} in one turn`);
  t.true(byTurn.size >= ROUTES / MOST_AT_ONCE, `${byTurn.size} pieces`);
});

privileged('routes are left out of every piece', async t => {
  const socket = await filled(t);
  const request = dumpRoutes({family: 'ipv4', table: RT_TABLE_MAIN});
  const isOther = ({payload}: {payload: Uint8Array}) => payload[5] === 85;
  t.is((await socket.dump(request)).filter(isOther).length, ROUTES / 2, 'control');
  const left = await socket.dump(request, {without: LEARNT});
  t.is(left.length, ROUTES / 2);
  t.true(left.every(isOther));
});

privileged('the kernel goes on with a dump only as pieces are taken', async t => {
  const {path} = await createNamespace(t);
  const channel = await Channel.open({namespace: {path}});
  t.teardown(() => channel.close());
  const socket = await filledIn(t, path);
  const {bytes, ends} = encodeBatch([dump], 1, NLM_F_REQUEST | NLM_F_DUMP | NLM_F_ACK);
  const types = typesIn(await channel.exchange(bytes, ends));
  t.true(types.length > 100, 'control: there is something to show');
  await socket.sendBatch(batch('delete'));
  while (!types.includes(NLMSG_DONE)) types.push(...typesIn(await channel.receive(5000)));
  t.true(types.length < ROUTES / 4, `${types.length} of ${ROUTES} were on their way`);
});

async function filled(t: Parameters<typeof createNamespace>[0]): Promise<NetlinkSocket> {
  const {path} = await createNamespace(t);
  return filledIn(t, path);
}

/** Every other one is learnt; the rest has another protocol. */
async function filledIn(
  t: Parameters<typeof createNamespace>[0],
  path: string,
): Promise<NetlinkSocket> {
  const socket = await openNetlink({namespace: {path}});
  t.teardown(() => socket.close());
  await socket.must([
    setLink({index: 1, up: true}),
    newNexthop({id: 7, protocol: 84, blackhole: true, family: 'ipv4'}, 'replace'),
  ]);
  for (const isLearnt of [true, false]) {
    const errors = await socket.sendBatch(batch('add', isLearnt));
    t.is(
      errors.find(error => error !== undefined),
      undefined,
    );
  }
  return socket;
}

function batch(kind: 'add' | 'delete', isLearnt?: boolean): RouteBatch {
  const fields = {table: RT_TABLE_MAIN, protocol: isLearnt === false ? 85 : 84, priority: 2084};
  const routes = new RouteBatch(kind === 'delete' ? {...fields, protocol: 0} : fields, ROUTES);
  const words = new Uint32Array(1);
  for (let n = 0; n < ROUTES; n++) {
    if (isLearnt !== undefined && (n % 2 === 0) !== isLearnt) continue;
    words[0] = 0x0a00_0000 + n * 256;
    routes.add(kind, {words, from: 0, width: 4}, 24, kind === 'add' ? 7 : 0);
  }
  return routes;
}

function typesIn(piece: Uint8Array): number[] {
  const frames = new Frames(piece);
  const types: number[] = [];
  while (frames.next()) types.push(frames.type);
  return types;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap(part => [...part]));
}
