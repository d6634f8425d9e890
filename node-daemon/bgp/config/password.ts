/**
 * Where a session's password comes from, as the derivation sees it. Pure; password-files.ts reads.
 */
import type {PasswordFrom} from '../../datastore/records/bgp-session.js';
import type {BgpInput} from './input.js';

export type FoundPassword =
  | {readonly kind: 'ok'; readonly password: string | undefined}
  | {readonly kind: 'missing'; readonly problem: string};

/** A password that has to be there and is not keeps the session from being made without one. */
export function findPassword(from: PasswordFrom | undefined, {passwords}: BgpInput): FoundPassword {
  if (from === undefined) return {kind: 'ok', password: undefined};
  if (from.file === undefined) {
    return {
      kind: 'missing',
      problem: 'passwordFrom.secret: not supported yet, use passwordFrom.file',
    };
  }
  const read = passwords.get(from.file);
  if (read?.kind === 'ok') return {kind: 'ok', password: read.password};
  const why = read === undefined ? 'not read yet' : read.problem;
  return {kind: 'missing', problem: `passwordFrom.file: ${from.file}: ${why}`};
}

/** What is wrong with a file whose old content is still used. */
export function passwordComplaint(
  from: PasswordFrom | undefined,
  {passwords}: BgpInput,
): readonly string[] {
  const read = from?.file === undefined ? undefined : passwords.get(from.file);
  if (read?.kind !== 'ok' || read.problem === undefined) return [];
  return [`passwordFrom.file: ${from?.file}: ${read.problem}, the password before is still used`];
}
