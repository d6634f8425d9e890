/**
 * Where a session's password comes from, as the derivation sees it. Pure; password-files.ts reads.
 *
 * A Secret is the file that kubelet makes of it where it is mounted (docs/decisions/0008):
 * <secretsDir>/NAME/KEY, or <secretsDir>/NAMESPACE/NAME/KEY where the record says a namespace.
 */
import {join} from 'node:path';
import type {PasswordFrom} from '../../datastore/records/bgp-session.js';
import type {BgpInput} from './input.js';

export type FoundPassword =
  | {readonly kind: 'ok'; readonly password: string | undefined}
  | {readonly kind: 'missing'; readonly problem: string};

type PasswordInput = Pick<BgpInput, 'passwords' | 'secretsDir'>;

/** Undefined: no password is asked for. */
export function passwordPath(
  from: PasswordFrom | undefined,
  {secretsDir}: Pick<BgpInput, 'secretsDir'>,
): string | undefined {
  if (from?.secret === undefined) return from?.file;
  const {namespace = '', name, key} = from.secret;
  return join(secretsDir, namespace, name, key);
}

/** A password that has to be there and is not keeps the session from being made without one. */
export function findPassword(from: PasswordFrom | undefined, input: PasswordInput): FoundPassword {
  const path = passwordPath(from, input);
  if (path === undefined) return {kind: 'ok', password: undefined};
  const read = input.passwords.get(path);
  if (read?.kind === 'ok') return {kind: 'ok', password: read.password};
  const why = read === undefined ? 'not read yet' : read.problem;
  return {kind: 'missing', problem: `${fieldOf(from)}: ${path}: ${why}`};
}

/** What is wrong with a file whose old content is still used. */
export function passwordComplaint(
  from: PasswordFrom | undefined,
  input: PasswordInput,
): readonly string[] {
  const path = passwordPath(from, input);
  const read = path === undefined ? undefined : input.passwords.get(path);
  if (read?.kind !== 'ok' || read.problem === undefined) return [];
  return [`${fieldOf(from)}: ${path}: ${read.problem}, the password before is still used`];
}

function fieldOf(from: PasswordFrom | undefined): string {
  return `passwordFrom.${from?.secret === undefined ? 'file' : 'secret'}`;
}
