/**
 * What can go wrong between us and etcd, as classes that callers match by `code`. Pure.
 *
 * `retry` says what helps: 'backoff' try again later, 'resync' the caller's picture is old, list
 * again, 'never' the request itself is at fault.
 */

/**
 * No answer, or none to rely on: connection refused or cut, deadline passed, no leader. A write
 * that ended so may have been applied; read before you write again.
 */
export class StoreUnavailableError extends Error {
  readonly code = 'STORE_UNAVAILABLE';
  readonly retry = 'backoff';
  override readonly name = 'StoreUnavailableError';
}

/** Somebody else changed what the caller had read. */
export class StoreConflictError extends Error {
  readonly code = 'STORE_CONFLICT';
  readonly retry = 'resync';
  override readonly name = 'StoreConflictError';
}

/** The wanted revision is compacted away: list again. */
export class StoreCompactedError extends Error {
  readonly code = 'STORE_COMPACTED';
  readonly retry = 'resync';
  override readonly name = 'StoreCompactedError';
}

/** User, password or role do not allow it. An operator may repair that, so it is worth retrying. */
export class StoreDeniedError extends Error {
  readonly code = 'STORE_DENIED';
  readonly retry = 'backoff';
  override readonly name = 'StoreDeniedError';
}

/** The etcd lease named in the request does not exist: it ran out or was revoked. */
export class LeaseNotFoundError extends Error {
  readonly code = 'LEASE_NOT_FOUND';
  readonly retry = 'resync';
  override readonly name = 'LeaseNotFoundError';
}

/** etcd is there and refuses: space quota reached, request too large or malformed. */
export class StoreRejectedError extends Error {
  readonly code = 'STORE_REJECTED';
  readonly retry = 'backoff';
  override readonly name = 'StoreRejectedError';
}

export type StoreError =
  | StoreUnavailableError
  | StoreConflictError
  | StoreCompactedError
  | StoreDeniedError
  | LeaseNotFoundError
  | StoreRejectedError;

/** Status codes of gRPC (grpc/statuscodes.md) that are told apart here. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const FAILED_PRECONDITION = 9;
const OUT_OF_RANGE = 11;
const UNAUTHENTICATED = 16;

/**
 * A gRPC error of `operation` as one of the classes above. etcd (etcdserver/api/v3rpc/rpctypes)
 * gives several meanings to one status code, so its fixed texts have to be looked at; nobody else
 * does. Whatever is unknown counts as unavailable: retrying is harmless.
 */
export function toStoreError(operation: string, error: unknown): StoreError {
  if (isStoreError(error)) return error;
  const {code, details} = error as {code?: number; details?: string};
  const text = details ?? (error instanceof Error ? error.message : String(error));
  const message = `etcd ${operation}: ${text}`;
  const options = {cause: error};
  if (text.includes('requested lease not found')) return new LeaseNotFoundError(message, options);
  if (text.includes('revision has been compacted'))
    return new StoreCompactedError(message, options);
  if (isAuthProblem(code, text)) return new StoreDeniedError(message, options);
  switch (code) {
    case INVALID_ARGUMENT:
    case NOT_FOUND:
    case ALREADY_EXISTS:
    case RESOURCE_EXHAUSTED:
    case FAILED_PRECONDITION:
    case OUT_OF_RANGE:
      return new StoreRejectedError(message, options);
    default:
      return new StoreUnavailableError(message, options);
  }
}

/** True when a new token, that is a new connection, may help (simple tokens live 5 minutes). */
export function isTokenProblem(error: unknown): boolean {
  const {code, details} = error as {code?: number; details?: string};
  if (code === UNAUTHENTICATED) return true;
  return /invalid auth token|revision in header is old|user name is empty/.test(details ?? '');
}

export function isStoreError(error: unknown): error is StoreError {
  return (
    error instanceof StoreUnavailableError ||
    error instanceof StoreConflictError ||
    error instanceof StoreCompactedError ||
    error instanceof StoreDeniedError ||
    error instanceof LeaseNotFoundError ||
    error instanceof StoreRejectedError
  );
}

function isAuthProblem(code: number | undefined, text: string): boolean {
  if (code === UNAUTHENTICATED || code === PERMISSION_DENIED) return true;
  return /authentication failed|permission denied|user name|auth token/i.test(text);
}
