/**
 * Runs inside a pod of the lab: echoes TCP, and probes other pods when told. Program.
 *
 * Standard input: one JSON request per line, `{"id": 1, "probes": [{"address", "port", "bytes"}]}`.
 * Standard output: `{"id": 1, "results": [{"ok", "elapsedMs", "error"}]}`. It ends with its input.
 */
import {randomBytes} from 'node:crypto';
import {connect, createServer} from 'node:net';
import {createInterface} from 'node:readline';

import type {Probe, ProbeResult} from './pod.js';

function probe({address, port, bytes, withinMs}: Probe): Promise<ProbeResult> {
  const startedAt = performance.now();
  const sent = randomBytes(bytes);
  const received: Buffer[] = [];
  let length = 0;
  return new Promise(resolve => {
    const socket = connect({host: address, port});
    const finish = (error?: string) => {
      clearTimeout(timer);
      socket.destroy();
      const elapsedMs = performance.now() - startedAt;
      resolve({ok: error === undefined, elapsedMs, ...(error !== undefined && {error})});
    };
    const timer = setTimeout(
      () => finish(`${length} of ${bytes} bytes in ${withinMs} ms`),
      withinMs,
    );
    socket.once('error', error => finish(error.message));
    socket.once('connect', () => socket.write(sent));
    socket.on('data', chunk => {
      received.push(chunk);
      length += chunk.length;
      if (length >= bytes)
        finish(sent.equals(Buffer.concat(received)) ? undefined : 'changed bytes');
    });
  });
}

const server = createServer(socket => {
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), () => console.log('listening'));

const requests = createInterface({input: process.stdin});
requests.on('close', () => process.exit(0));
requests.on('line', line => {
  const {id, probes} = JSON.parse(line) as {id: number; probes: Probe[]};
  void Promise.all(probes.map(probe)).then(results => console.log(JSON.stringify({id, results})));
});
