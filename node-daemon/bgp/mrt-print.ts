/**
 * `node mrt-print.js FILE`: an MRT dump (RFC 6396) as JSON lines, one for each path of a table and each
 * message. For tests, and for people who want to see what a collector or router has dumped.
 */
import {readFileSync} from 'node:fs';

import {formatAddress, mrtPaths, readMrt, type MrtRecord} from '#bgp-fsm';

function main(path: string): void {
  const records: MrtRecord[] = [];
  for (const record of readMrt(readFileSync(path))) {
    if (record.kind === 'rib') records.push(record);
    if (record.kind === 'peers') {
      printTable(records);
      records.splice(0, records.length, record);
    }
    if (record.kind !== 'message') continue;
    const {timestamp, peer, isOurs, message} = record;
    print({
      ...{kind: 'message', timestamp, peer: formatAddress(peer.address), asn: peer.asn, isOurs},
      ...{type: message[18], octets: message.length},
    });
  }
  printTable(records);
}

function printTable(records: readonly MrtRecord[]): void {
  const [index] = records;
  if (index?.kind !== 'peers') return;
  for (const [ix, {address, asn}] of index.peers.entries()) {
    for (const {rib, attributes, nextHop} of mrtPaths(records, ix)) {
      print({
        ...{kind: 'path', peer: formatAddress(address), asn},
        prefix: `${formatAddress(rib.address)}/${rib.bits}`,
        nextHop: nextHop.length > 0 ? formatAddress(nextHop.subarray(0, 16)) : attributes.nextHop,
        asPath: attributes.asPath?.flatMap(segment => segment.asns) ?? [],
      });
    }
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  process.stderr.write('usage: mrt-print FILE\n');
  process.exit(2);
}
main(path);
