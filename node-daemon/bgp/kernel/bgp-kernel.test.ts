import test, {type ExecutionContext} from 'ava';
import {parseAddress} from '#bgp-fsm';
import {
  FakeKernel,
  newRoute,
  RTM_DELROUTE,
  RTM_GETROUTE,
  setLink,
  type DumpReader,
  type NetlinkSocket,
  type Request,
  type Route,
} from '#native-addon';
import {ManualClock} from '../../datastore/clock.js';
import {BgpKernel, type MonitorHandlers} from './bgp-kernel.js';
import {hops, route} from './scratch-kernel.js';

test('a start that fails leaves nothing open and nothing to come', async t => {
  const clock = new ManualClock();
  let open = 0;
  let sockets = 0;
  const log = {info: () => undefined, warn: () => undefined};
  const kernel = new BgpKernel({
    ...{clock, log, onNextHops: () => undefined},
    async openMonitor() {
      open++;
      return {ignore: () => undefined, close: () => void open--};
    },
    openSocket() {
      sockets++;
      return Promise.reject(new Error('no more descriptors'));
    },
  });
  await t.throwsAsync(kernel.start(), {message: 'no more descriptors'});
  t.is(sockets, 1, 'control: it came as far as that');
  t.is(open, 0);
  await clock.advance(600_000);
  t.is(sockets, 1);
});

/** On a kernel on paper, with things that happen before and after each dump. */
class Lab {
  readonly paper = new FakeKernel();
  readonly clock = new ManualClock();
  readonly warnings: string[] = [];
  before: (family: number) => void = () => undefined;
  after: (family: number) => Promise<void> = async () => undefined;
  readonly kernel: BgpKernel;
  #handlers: MonitorHandlers | undefined;

  constructor() {
    this.kernel = new BgpKernel({
      clock: this.clock,
      log: {info: () => undefined, warn: (_fields, message) => this.warnings.push(message)},
      onNextHops: () => undefined,
      openSocket: async () => this.#socket(),
      openMonitor: async handlers => {
        this.#handlers = handlers;
        return {ignore: () => undefined, close: () => undefined};
      },
    });
  }

  /** Routes of BGP that are there. */
  get learnt(): Route[] {
    return [...this.paper.state.routes.values()].filter(({priority}) => priority === 2084);
  }

  /** Somebody deletes all of them. */
  deleteLearnt(): void {
    for (const [key, {priority}] of this.paper.state.routes) {
      if (priority === 2084) this.paper.state.routes.delete(key);
    }
  }

  tellDeleted(gone: readonly Route[]): void {
    for (const each of gone) {
      const {payload} = newRoute(each, 'add');
      this.#handlers?.onMessage({type: RTM_DELROUTE, flags: 0, payload});
    }
  }

  async picture(isOver: () => boolean): Promise<void> {
    await this.clock.advance(60_000);
    for (let turns = 0; !isOver(); turns++) {
      if (turns > 1000) throw new Error('the picture does not end');
      await new Promise(resolve => setImmediate(resolve));
    }
  }

  #socket(): NetlinkSocket {
    const {paper} = this;
    return {
      port: 1,
      send: requests => paper.send(requests),
      sendBatch: batch => paper.sendBatch(batch),
      must: requests => paper.must(requests),
      get: request => paper.get(request),
      dump: request => paper.dump(request),
      read: (request, reader) => this.#read(request, reader),
      close: () => undefined,
    };
  }

  async #read(request: Request, reader: DumpReader): Promise<void> {
    const family = request.type === RTM_GETROUTE ? (request.payload[0] ?? 0) : -1;
    this.before(family);
    await this.paper.read(request, reader);
    await this.after(family);
  }
}

const AF_INET = 2;
const AF_INET6 = 10;

/** Three routes are written. */
async function createLab(t: ExecutionContext): Promise<Lab> {
  const lab = new Lab();
  const network = {address: parseAddress('192.0.2.0')!, bits: 24};
  const onLink = {family: 'ipv4', table: 254, protocol: 2, scope: 253, type: 1, oif: 1} as const;
  await lab.paper.must([
    setLink({index: 1, up: true}),
    newRoute({...onLink, destination: network}, 'add'),
  ]);
  await lab.kernel.start();
  t.teardown(() => lab.kernel.stop());
  const hop = hops('192.0.2.2');
  await lab.kernel.select([0, 1, 2].map(n => route(`10.0.${n}.0/24`, hop)));
  await lab.kernel.settled();
  t.is(lab.learnt.length, 3);
  return lab;
}

test('routes that went and were written again while a picture was taken are left alone after it', async t => {
  const lab = await createLab(t);
  const {written} = lab.kernel.status();
  lab.after = async family => {
    if (family !== AF_INET) return;
    const gone = lab.learnt;
    lab.deleteLearnt();
    lab.tellDeleted(gone);
    await lab.kernel.settled();
    t.is(lab.learnt.length, 3, 'written again');
  };
  await lab.picture(() => lab.kernel.status().pictures === 2);
  await lab.kernel.settled();
  t.like(lab.kernel.status(), {written: written + 3, refused: 0});
  t.is(lab.kernel.status().routes.ipv4.held, 3);
});

test('routes that a dump still shows when they are told to be gone are written again', async t => {
  for (const isFailing of [false, true]) {
    const lab = await createLab(t);
    lab.before = family => {
      if (family === AF_INET) lab.tellDeleted(lab.learnt.slice(0, 2));
      if (family === AF_INET6 && isFailing) lab.paper.inject({kind: 'fail', code: 'ENOMEM'});
    };
    lab.after = async family => {
      if (family === AF_INET) lab.deleteLearnt(); // the third one's news are still on their way
    };
    const isOver = () => lab.kernel.status().pictures === 2 || lab.warnings.length > 0;
    await lab.picture(isOver);
    await lab.kernel.settled();
    const bySubnet = lab.learnt.map(each => each.destination.address[2]);
    t.deepEqual(bySubnet.sort(), [0, 1], isFailing ? 'also when the picture fails' : 'whole');
    t.is(lab.warnings.length, isFailing ? 1 : 0);
    t.is(lab.kernel.status().refused, 0);
  }
});

test('a picture that fails takes no route for gone', async t => {
  const lab = await createLab(t);
  const {written} = lab.kernel.status();
  lab.before = family => {
    if (family === AF_INET) lab.paper.inject({kind: 'interrupt', times: 9});
  };
  await lab.picture(() => lab.warnings.length > 0);
  await lab.kernel.settled();
  t.like(lab.kernel.status(), {written, refused: 0});
  t.is(lab.kernel.status().routes.ipv4.held, 3);
});
