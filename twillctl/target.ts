/**
 * What a command line names: `pool`, `pools a b`, `pool/a`. Pure.
 */
import {findKind, kinds, type Kind} from '../node-daemon/datastore/records/kind.js';
import {closestName} from '../node-daemon/datastore/records/problem.js';
import {UsageError} from './error.js';

export interface Target {
  readonly kind: Kind;
  readonly names: readonly string[]; // empty: all
}

/** @throws UsageError */
export function parseTarget(kindText: string, names: readonly string[]): Target {
  const slash = kindText.indexOf('/');
  if (slash < 0) return {kind: parseKind(kindText), names};
  const name = kindText.slice(slash + 1);
  if (name === '' || names.length > 0) {
    throw new UsageError(`expected KIND NAME or KIND/NAME, got ${[kindText, ...names].join(' ')}`);
  }
  return {kind: parseKind(kindText.slice(0, slash)), names: [name]};
}

function parseKind(text: string): Kind {
  const kind = findKind(text);
  if (kind !== undefined) return kind;
  const plurals = kinds.map(({plural}) => plural);
  const close = closestName(text, plurals);
  const hint = close === undefined ? '' : `did you mean ${close}? The `;
  throw new UsageError(
    `unknown kind ${JSON.stringify(text)}; ${hint}kinds are ${plurals.join(', ')}`,
  );
}
