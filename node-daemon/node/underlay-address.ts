/** Which addresses of an interface other hosts can be told about, and which of several. Pure. */
import {
  type Address,
  IFA_F_DADFAILED,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  RT_SCOPE_UNIVERSE,
} from '#native-addon';

// linux/if_addr.h
const IFA_F_SECONDARY = 0x01; // IPv6: IFA_F_TEMPORARY, a privacy address
const IFA_F_DEPRECATED = 0x20;

/** Global, and the kernel has no doubt about it. */
export function isUsable({scope, flags, address}: Address): boolean {
  if (scope !== RT_SCOPE_UNIVERSE) return false;
  if ((flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0) return false;
  return address.length === 4 ? !isSpecial(address) : true; // IPv6 tells by scope
}

/** Here today, gone tomorrow: chosen only where an operator has named it. */
export function isPassing({flags}: Address): boolean {
  return (flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED)) !== 0;
}

/**
 * The kernel lists IPv4 addresses in the order they were added and IPv6 the latest first, which
 * changes from day to day. So for IPv6: configured before learnt, then the lowest.
 */
export function byPreference(a: Address, b: Address): number {
  const passing = Number(isPassing(a)) - Number(isPassing(b));
  if (passing !== 0 || a.family === 'ipv4') return passing;
  const learnt = Number(isLearnt(a)) - Number(isLearnt(b));
  return learnt || Buffer.compare(a.address, b.address);
}

function isLearnt({flags}: Address): boolean {
  return (flags & IFA_F_PERMANENT) === 0;
}

/** 127.0.0.0/8 and 169.254.0.0/16, which some tools add with global scope. */
function isSpecial([first, second]: Uint8Array): boolean {
  return first === 127 || (first === 169 && second === 254);
}
