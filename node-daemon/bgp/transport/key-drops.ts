/**
 * Segments that the kernel dropped for their MD5 key (RFC 2385), as linux/snmp.h counts them: lines of names and of
 * values in turn, of this thread's network namespace.
 *
 *   TcpExt: SyncookiesSent … TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure …
 *   TcpExt: 0              … 0              0                12            …
 */
import {readFileSync} from 'node:fs';

import type {KeyDrops} from '#bgp-fsm';

const FILE = '/proc/thread-self/net/netstat';

/** Shell: some 50 µs. Undefined: the kernel does not say. */
export function readKeyDrops(): KeyDrops | undefined {
  try {
    return parseKeyDrops(readFileSync(FILE, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Pure. */
export function parseKeyDrops(text: string): KeyDrops | undefined {
  const [names = [], values = []] = text
    .split('\n')
    .filter(line => line.startsWith('TcpExt:'))
    .map(line => line.split(' '));
  const countOf = (name: string) => Number(values[names.indexOf(name)]);
  const wrong = countOf('TCPMD5Failure');
  const missing = countOf('TCPMD5NotFound');
  const unexpected = countOf('TCPMD5Unexpected');
  return Number.isNaN(wrong + missing + unexpected) ? undefined : {wrong, missing, unexpected};
}
