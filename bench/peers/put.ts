/**
 * Runs where etcd can be reached: puts the records of a fleet there, batch by batch. Program.
 *
 *   put.js ENDPOINT COUNT      says `ready`; a line on standard input starts it
 *
 * Then it says `{"firstAtMs", "lastAtMs"}`: before the first batch was sent, after the last was
 * acknowledged, as milliseconds since the epoch. Batches are as large as etcd takes them by default.
 */
import {once} from 'node:events';

import {Etcd3} from 'etcd3';

import {now} from './clock.js';
import {fleet, toRecord} from './fleet.js';

const batchLength = 128; // --max-txn-ops
const inFlight = 4;

const [endpoint = '', count = ''] = process.argv.slice(2);
const client = new Etcd3({hosts: endpoint});
const puts = fleet(Number(count)).map(host => {
  const [key, value] = toRecord(host);
  return {request_put: {key: Buffer.from(key), value: Buffer.from(value)}};
});
const batches = Array.from({length: Math.ceil(puts.length / batchLength)}, (_, index) =>
  puts.slice(index * batchLength, (index + 1) * batchLength),
);

await client.kv.range({key: Buffer.from('connect')});
console.log('ready');
await once(process.stdin, 'data');
const firstAtMs = now();
const worker = async () => {
  for (let batch = batches.shift(); batch; batch = batches.shift()) {
    await client.kv.txn({compare: [], success: batch, failure: []});
  }
};
await Promise.all(Array.from({length: inFlight}, worker));
console.log(JSON.stringify({firstAtMs, lastAtMs: now()}));
process.exit(0);
