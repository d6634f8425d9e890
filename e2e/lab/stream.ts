/**
 * One end of a numbered UDP stream, inside a pod. Program.
 *
 *   stream.js receive ADDRESS PORT        each line on stdin is answered by one JSON report
 *   stream.js send ADDRESS PORT RATE      RATE packets per second until stdin ends, then `{"sent": n}`
 *
 * A packet is its number, 4 octets, and padding to 64. The receiver reports packets the kernel
 * delivered but its own full socket buffer dropped apart: the network carried those.
 *
 * The sender's socket is not connected, so that each packet looks for its route: a connected one keeps an IPv6
 * route by a nexthop object that was deleted for as long as the object is there.
 */
import {createSocket} from 'node:dgram';
import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import {isIPv6} from 'node:net';

import type {ReceiverReport} from './traffic.js';

const [role, address = '', portText, rateText] = process.argv.slice(2);
const port = Number(portText);
const family = isIPv6(address) ? 6 : 4;
const socket = createSocket({
  type: `udp${family}`,
  lookup: (literal, _options, done) => done(null, literal, family), // nothing to ask anyone
});

function receive(): void {
  const seen = new Set<number>();
  let duplicates = 0;
  let lastAt = performance.now();
  let longestGapMs = 0;
  socket.on('message', message => {
    const number = message.readUInt32BE(0);
    const now = performance.now();
    if (seen.size > 0) longestGapMs = Math.max(longestGapMs, now - lastAt);
    lastAt = now;
    if (seen.has(number)) duplicates++;
    seen.add(number);
  });
  socket.bind(port, address, () => console.log('listening'));
  process.stdin.on('data', () => {
    const report: ReceiverReport = {
      received: seen.size,
      duplicates,
      bufferDrops: bufferDrops(),
      longestGapMs: Math.round(longestGapMs),
    };
    console.log(JSON.stringify(report));
  });
}

function send(rate: number): void {
  const packet = Buffer.alloc(64);
  let sent = 0;
  let startedAt = performance.now();
  let due = 0; // packets since startedAt
  const tick = () => {
    const target = Math.floor(((performance.now() - startedAt) * rate) / 1000);
    if (target - due > 50) {
      startedAt = performance.now(); // we were kept from running: no burst to make up for it
      due = 0;
    } else {
      for (; due < target; due++) {
        packet.writeUInt32BE(sent++);
        socket.send(Buffer.from(packet), port, address);
      }
    }
    timer = setTimeout(tick, 1);
  };
  let timer: NodeJS.Timeout;
  socket.on('error', error => console.log(JSON.stringify({error: error.message})));
  tick();
  process.stdin.on('end', () => {
    clearTimeout(timer);
    socket.close(() => console.log(JSON.stringify({sent})));
  });
  process.stdin.resume();
}

/** Of our socket alone: the kernel's last column, found by its inode (proc_net_udp). */
function bufferDrops(): number {
  const ours = new Set(readdirSync('/proc/self/fd').map(fd => linkOf(`/proc/self/fd/${fd}`)));
  const lines = readFileSync(`/proc/net/udp${family === 6 ? '6' : ''}`, 'utf8')
    .trim()
    .split('\n');
  return lines
    .map(line => line.trim().split(/\s+/))
    .filter(columns => ours.has(`socket:[${columns[9]}]`))
    .reduce((sum, columns) => sum + Number(columns.at(-1)), 0);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // the directory's own, gone by now
  }
}

if (role === 'receive') receive();
else send(Number(rateText));
