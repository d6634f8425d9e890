/**
 * What the kernel or the bytes can say no with. Pure.
 */
import {constants} from 'node:os';

export type Retry = 'never' | 'backoff' | 'resync';

/** The kernel refused a request, or a socket failed. Match `code`, never the text. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly op: string;
  readonly errno: number; // positive
  readonly code: string; // 'EEXIST'
  readonly retry: Retry;
  declare readonly kernelMessage?: string; // NLMSGERR_ATTR_MSG
  declare readonly offset?: number; // NLMSGERR_ATTR_OFFS: octets from the nlmsghdr

  constructor(op: string, errno: number, details: {kernelMessage?: string; offset?: number} = {}) {
    const code = errnoName(errno);
    const {kernelMessage} = details;
    super(kernelMessage === undefined ? `${op}: ${code}` : `${op}: ${code}: ${kernelMessage}`);
    this.op = op;
    this.errno = errno;
    this.code = code;
    this.retry = retryOf(code);
    Object.assign(this, details);
  }
}

/** The bytes are not what the format says. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  readonly code = 'DECODE';
  readonly retry = 'never';
  readonly field: string; // 'route.gateway'
  readonly offset: number; // octets from the start of the payload

  constructor(field: string, offset: number, reason: string) {
    super(`${field} at ${offset}: ${reason}`);
    this.field = field;
    this.offset = offset;
  }
}

/** A failed system call, as the class that the callers know. */
export function systemError(op: string, errno: number): NetlinkError {
  return new NetlinkError(op, errno);
}

/** Names that `os.constants.errno` lacks (asm-generic/errno.h, linux/errno.h). */
const MORE_NAMES: readonly (readonly [number, string])[] = [
  [49, 'EUNATCH'],
  [76, 'ENOTUNIQ'],
  [94, 'ESOCKTNOSUPPORT'],
  [96, 'EPFNOSUPPORT'],
  [108, 'ESHUTDOWN'],
  [109, 'ETOOMANYREFS'],
  [112, 'EHOSTDOWN'],
  [117, 'EUCLEAN'],
  [126, 'ENOKEY'],
  [524, 'ENOTSUPP'],
];

const NAMES: ReadonlyMap<number, string> = new Map([
  ...MORE_NAMES,
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  // Two names, one number: the one the manual pages use.
  [constants.errno.EAGAIN, 'EAGAIN'] as const,
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'] as const,
]);

export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

const NEVER: ReadonlySet<string> = new Set([
  'E2BIG',
  'EACCES',
  'EAFNOSUPPORT',
  'EEXIST',
  'EINVAL',
  'EMSGSIZE',
  'ENAMETOOLONG',
  'EOPNOTSUPP',
  'EPERM',
  'EPROTONOSUPPORT',
  'ERANGE',
]);

/** The rest may go away by itself: no memory, an object that is not there yet, a link that is down. */
function retryOf(code: string): Retry {
  if (code === 'ENOBUFS' || code === 'EINTR') return 'resync';
  return NEVER.has(code) ? 'never' : 'backoff';
}
