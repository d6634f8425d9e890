/**
 * The one error that leaves this folder. Pure.
 * Codes below 100 are those of the CNI specification; 100 and up are ours, as it allows.
 */
export const CNI_CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  undecodable: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  limitedConnectivity: 51,
  /** CHECK found the attachment different from what ADD left. `details` has one finding a line. */
  checkFailed: 100,
  /** GC could not remove everything. `details` has one attachment a line. */
  gcIncomplete: 101,
  /** A defect of ours, or a kernel that refuses what it never should. */
  internal: 999,
} as const;

export type CniCode = (typeof CNI_CODE)[keyof typeof CNI_CODE];

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: CniCode;
  readonly details: string | undefined;
  readonly retry: 'never' | 'backoff';

  constructor(code: CniCode, message: string, options: {details?: string; cause?: unknown} = {}) {
    super(message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = code;
    this.details = options.details;
    this.retry =
      code === CNI_CODE.tryAgainLater || code >= CNI_CODE.notAvailable ? 'backoff' : 'never';
  }
}

/** What goes to stdout when a verb fails. */
export function toErrorReply(error: CniError, cniVersion: string): object {
  return {
    cniVersion,
    code: error.code,
    msg: error.message,
    ...(error.details === undefined ? {} : {details: error.details}),
  };
}
