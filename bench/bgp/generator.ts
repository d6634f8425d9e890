/**
 * A peer that announces a whole table as fast as the speaker takes it. Program.
 *
 *   generator.js LOCAL REMOTE ASN PREFIXES PER_SET
 *
 * Says `ready` once the session is up and the messages are made; a line on standard input starts it. Then
 * it says `{"firstAtMs", "lastAtMs", "octets"}`: milliseconds since the epoch before the first message was
 * written and after the kernel took the last one. The session stays until it is told to end.
 */
import {once} from 'node:events';

import {now} from '../peers/clock.js';
import {BenchSession, addressWord} from './session.js';
import {tableUpdates} from './table.js';

const [local = '', remote = '', asn = '', prefixes = '', perSet = ''] = process.argv.slice(2);
const chunks = tableUpdates({
  prefixes: Number(prefixes),
  perSet: Number(perSet),
  asn: Number(asn),
  nextHop: addressWord(local),
});
const session = await BenchSession.open({local, remote, asn: Number(asn)});
console.log('ready');
await once(process.stdin, 'data');
const firstAtMs = now();
for (const chunk of chunks) await session.write(chunk);
const octets = chunks.reduce((sum, {length}) => sum + length, 0);
console.log(JSON.stringify({firstAtMs, lastAtMs: now(), octets}));
