/**
 * Many peers of one speaker, in one process. Program.
 *
 *   crowd.js {"remote", "first": "198.18.0.1", "count": 1000, "asn", "holdSeconds", "prefixes"}
 *
 * Each dials from an address of its own, `first` and on, and announces so many /26 of its own. Prints `up` when
 * all are. Lines on standard input:
 *
 *   report           {"longestSilenceMs", "fewest"}: between two messages of a session; prefixes that came
 *   churn N ON       the first peer announces (ON = 1) or withdraws N /24; {"doneAtMs"} when all others know
 */
import {createInterface} from 'node:readline';

import {encodeAttributes, UpdatePacker} from '#bgp-fsm';
import {addressWord, BenchSession} from '../bgp/session.js';
import {now} from '../peers/clock.js';

export interface CrowdOptions {
  readonly remote: string;
  readonly first: string;
  readonly count: number;
  readonly asn: number;
  readonly holdSeconds: number;
  readonly prefixes: number; // of each
}

export interface CrowdReport {
  readonly longestSilenceMs: number; // of any session
  readonly fewest: number; // prefixes that the peer with the fewest has got since the last churn
}

const UPDATE = 2;
const OWN_PREFIX = addressWord('10.0.0.0');
const CHURN_PREFIX = addressWord('20.0.0.0');
const OWN_BITS = 26;
const CHURN_BITS = 24;
const DIALLED_AT_ONCE = 50;

const options = JSON.parse(process.argv[2] ?? '{}') as CrowdOptions;
const {remote, first, count, asn, holdSeconds, prefixes} = options;
const heardAt = new Float64Array(count).fill(NaN);
const got = new Uint32Array(count);
let longestSilenceMs = 0;
let wanted = Infinity; // of each but the first
let missing = 0; // peers that have not got it
const sessions: BenchSession[] = [];

for (let n = 0; n < count; n += DIALLED_AT_ONCE) {
  const some = Array.from({length: Math.min(DIALLED_AT_ONCE, count - n)}, (_, at) => open(n + at));
  sessions.push(...(await Promise.all(some)));
}
console.log('up');
createInterface({input: process.stdin}).on('line', line => void obey(line.split(' ')));

async function open(n: number): Promise<BenchSession> {
  const local = wordText(addressWord(first) + n);
  const session = await BenchSession.open({
    ...{local, remote, asn, holdTimeSeconds: holdSeconds},
    onMessage: (bytes, at, length, type) => hear(n, bytes, at, length, type),
  });
  const words = Array.from(
    {length: prefixes},
    (_, each) => OWN_PREFIX + (n * prefixes + each) * 64,
  );
  if (prefixes > 0) await session.write(announced(local, words, OWN_BITS));
  return session;
}

async function obey([verb, amount, on]: readonly string[]): Promise<void> {
  if (verb === 'report') {
    const report = {
      longestSilenceMs,
      fewest: got.subarray(1).reduce((a, b) => Math.min(a, b), Infinity),
    };
    console.log(JSON.stringify(report satisfies CrowdReport));
    return;
  }
  got.fill(0);
  wanted = Number(amount);
  missing = count - 1;
  const words = Array.from({length: wanted}, (_, n) => CHURN_PREFIX + n * 256);
  const octets = on === '1' ? announced(first, words, CHURN_BITS) : withdrawn(words);
  await sessions[0]?.write(octets);
}

function hear(n: number, bytes: Buffer, at: number, length: number, type: number): void {
  const nowMs = performance.now();
  const silenceMs = nowMs - (heardAt[n] as number);
  if (silenceMs > longestSilenceMs) longestSilenceMs = silenceMs;
  heardAt[n] = nowMs;
  if (type !== UPDATE) return;
  const before = got[n] as number;
  got[n] = before + countPrefixes(bytes, at, length);
  if (n === 0 || before >= wanted || (got[n] as number) < wanted) return;
  if (--missing === 0) console.log(JSON.stringify({doneAtMs: now()}));
}

/** Announced and withdrawn ones, of IPv4. */
function countPrefixes(bytes: Buffer, at: number, length: number): number {
  const withdrawnEnd = at + 21 + bytes.readUInt16BE(at + 19);
  const attributesEnd = withdrawnEnd + 2 + bytes.readUInt16BE(withdrawnEnd);
  return (
    countBetween(bytes, at + 21, withdrawnEnd) + countBetween(bytes, attributesEnd, at + length)
  );
}

function countBetween(bytes: Buffer, from: number, end: number): number {
  let prefixesThere = 0;
  for (let next = from; next < end; prefixesThere++) {
    next += 1 + (((bytes[next] as number) + 7) >>> 3);
  }
  return prefixesThere;
}

function announced(nextHop: string, words: readonly number[], bits: number): Uint8Array {
  const packer = new UpdatePacker();
  const isInternal = asn === 65_000;
  const attributes = {
    origin: 0,
    asPath: isInternal ? [] : [{kind: 'sequence' as const, asns: [asn]}],
    nextHop: addressWord(nextHop),
    ...(isInternal && {localPref: 100}),
  };
  packer.announce('ipv4', encodeAttributes(attributes, 4));
  for (const word of words) packer.add(Uint32Array.of(word), bits);
  return packer.take();
}

function withdrawn(words: readonly number[]): Uint8Array {
  const packer = new UpdatePacker();
  packer.withdraw('ipv4');
  for (const word of words) packer.add(Uint32Array.of(word), CHURN_BITS);
  return packer.take();
}

function wordText(word: number): string {
  return [24, 16, 8, 0].map(shift => (word >>> shift) & 255).join('.');
}
