/**
 * A peer that takes a table and says when it has all of it. Program.
 *
 *   sink.js LOCAL REMOTE ASN PREFIXES
 *
 * Says `ready` once the session is up, and `{"doneAtMs", "updates", "octets"}` when that many different
 * prefixes of table.ts are announced to it.
 */
import {now} from '../peers/clock.js';
import {BenchSession} from './session.js';

const UPDATE = 2;
const FIRST_SLASH_24 = 0x0001_0000; // 1.0.0.0/24 without its last octet

const [local = '', remote = '', asn = '', prefixes = ''] = process.argv.slice(2);
const wanted = Number(prefixes);
const isThere = new Uint8Array(wanted);
let missing = wanted;
let updates = 0;
let octets = 0;

await BenchSession.open({local, remote, asn: Number(asn), onMessage: take});
console.log('ready');

function take(bytes: Buffer, at: number, length: number, type: number): void {
  if (type !== UPDATE || missing === 0) return;
  updates++;
  octets += length;
  const end = at + length;
  let next = at + 19;
  next += 2 + bytes.readUInt16BE(next); // withdrawn
  next += 2 + bytes.readUInt16BE(next); // attributes
  while (next < end) {
    const bits = bytes[next] as number;
    if (bits === 24) note(bytes.readUIntBE(next + 1, 3) - FIRST_SLASH_24);
    next += 1 + ((bits + 7) >>> 3);
  }
  if (missing === 0) console.log(JSON.stringify({doneAtMs: now(), updates, octets}));
}

function note(index: number): void {
  if (isThere[index] !== 0) return; // again, or none of the table's
  isThere[index] = 1;
  missing--;
}
