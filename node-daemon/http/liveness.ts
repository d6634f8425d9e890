/**
 * Whether the daemon does its work, for /healthz: what a restart would mend, and nothing else. Pure.
 *
 * An etcd that is away, an underlay that is missing or a kernel that refuses are no reasons: a restart
 * mends none of them, and pods are served meanwhile. They are in /readyz and /v1/status. That the event
 * loop turns is said by the answer itself: a probe with a timeout hears nothing from one that does not.
 */
export interface LivenessView {
  readonly cni: 'starting' | 'served' | 'gone'; // its socket
  /** When the reconcile loop last came round; undefined: not yet. */
  readonly lastPassAtMs: number | undefined;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly resyncMs: number; // the loop comes round at least this often
  readonly deaths: readonly string[]; // threads that ended by an error, in words
}

/** So many resyncs may be missed, and the first passes over a large cluster may take this long. */
const missedResyncs = 3;
const graceMs = 30_000;

export function judgeLiveness(view: LivenessView): {ok: boolean; reasons: readonly string[]} {
  const {cni, lastPassAtMs, startedAtMs, nowMs, resyncMs, deaths} = view;
  const longestMs = missedResyncs * resyncMs + graceMs;
  const seconds = (ms: number) => Math.round(ms / 1000);
  const idleMs = nowMs - (lastPassAtMs ?? startedAtMs);
  const reasons = [...deaths];
  if (cni === 'gone' || (cni === 'starting' && nowMs - startedAtMs > graceMs)) {
    reasons.push('the CNI socket is not served');
  }
  if (idleMs > longestMs) {
    reasons.push(
      `the kernel was last looked at ${seconds(idleMs)} s ago, expected every ${seconds(resyncMs)} s`,
    );
  }
  return {ok: reasons.length === 0, reasons};
}
