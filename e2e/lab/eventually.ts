/** Waits for a condition, never for a time. Shell. */
export interface Patience {
  readonly withinMs: number;
  readonly everyMs?: number; // between two looks; 20
  readonly what?: string; // for the error
}

/**
 * The first answer of `probe` that is neither `false` nor `undefined`; a throwing probe is asked again.
 * @throws Error when there is none in time; its cause is the probe's last error.
 */
export async function eventually<T>(
  probe: () => Promise<T | false | undefined> | T | false | undefined,
  {withinMs, everyMs = 20, what = 'the condition'}: Patience,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let cause: unknown;
    try {
      const answer = await probe();
      if (answer !== false && answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const last = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`${what} did not come true within ${withinMs} ms${last}`, {cause});
    }
    await new Promise(resolve => setTimeout(resolve, everyMs));
  }
}
