/** Milliseconds since the epoch with fractions: the same clock in two processes of this machine. Shell. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
