/**
 * AS_PATH as routers print it: `64512 64513 {64514,64515}`. Pure.
 */
import type {AsPath} from '../wire/as-path.js';

/** A path of nothing (our own routes, and iBGP's) is the empty text. */
export function formatAsPath(path: AsPath): string {
  return path
    .map(({kind, asns}) => (kind === 'sequence' ? asns.join(' ') : `{${asns.join(',')}}`))
    .join(' ');
}

/** The AS that the path came from; undefined when it begins with a set or with nothing. */
export function firstAsn([segment]: AsPath): number | undefined {
  return segment?.kind === 'sequence' ? segment.asns[0] : undefined;
}

/** The AS that originated it; undefined when the path ends with a set or is empty. */
export function lastAsn(path: AsPath): number | undefined {
  const segment = path.at(-1);
  return segment?.kind === 'sequence' ? segment.asns.at(-1) : undefined;
}
