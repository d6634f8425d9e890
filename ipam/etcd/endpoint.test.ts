import test from 'ava';
import {Endpoint} from './endpoint.js';
import {eventually, startEtcd, startProxy} from './etcd-server.js';
import {openEtcd} from './client.js';
import {startWatch} from './watch.js';

test('a watch outlives the renewal of its connection, and so does its keepalive', async t => {
  const server = await startEtcd(['--grpc-keepalive-min-time', '500ms']);
  t.teardown(() => server.stop());
  const proxy = await startProxy(server.port);
  t.teardown(() => proxy.stop());
  const writer = openEtcd({endpoints: [server.url]});
  t.teardown(() => writer.close());
  const endpoint = new Endpoint({
    ...{url: proxy.url, deadlineMs: 1000, keepaliveTimeMs: 700, keepaliveTimeoutMs: 300},
  });
  t.teardown(() => endpoint.renew());
  t.true(await endpoint.connect(new Date(Date.now() + 1000)));

  let events = 0;
  const ends: Error[] = [];
  const watch = startWatch({
    stream: await endpoint.stream('Watch', 'watch'),
    ...{prefix: '/', fromRevision: 1, acceptWithinMs: 1000, onOver: () => undefined},
    handlers: {onEvents: batch => void (events += batch.length), onEnd: e => void ends.push(e)},
  });
  await watch.accepted;
  endpoint.renew();
  for (let n = 0; n < 20; n++) {
    await writer.put('/k', `${n}`);
    await new Promise(resolve => setTimeout(resolve, 100)); // two keepalive periods in all
  }
  await eventually(() => events === 20);
  t.deepEqual(ends, []);
  proxy.freeze();
  await eventually(() => ends.length === 1, 3000);
});

test('an unreachable member is known before the deadline', async t => {
  const endpoint = new Endpoint({
    ...{
      url: 'http://127.0.0.1:1',
      deadlineMs: 3000,
      keepaliveTimeMs: 1000,
      keepaliveTimeoutMs: 500,
    },
  });
  t.teardown(() => endpoint.renew());
  const began = Date.now();
  t.false(await endpoint.connect(new Date(began + 3000)));
  t.true(Date.now() - began < 1000);
});
