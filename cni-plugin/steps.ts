/**
 * Steps with undo, and the one runner for them. Shell.
 *
 * A step that failed or was cut off by the signal may have happened in part, so it is undone too:
 * every undo must bear finding nothing. Undoing goes backwards and stops at the first undo that
 * fails, because an earlier step's resource may still be in use by the later one's (an address
 * must not be released while a link still answers for it).
 */
export interface Step {
  readonly name: string;
  run(): Promise<void>;
  undo?(): Promise<void>;
}

/**
 * Steps that do not need one another, run at once as one step. Fails with the first failure in
 * their order, when all of them have ended; undone backwards, as if they had run in turn.
 */
export function together(steps: readonly Step[]): Step {
  return {
    name: steps.map(({name}) => name).join(' and '),
    run: async () => {
      const ends = await Promise.allSettled(steps.map(step => step.run()));
      const failed = ends.find(end => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    undo: async () => {
      for (const step of steps.toReversed()) await step.undo?.();
    },
  };
}

export interface StepRun {
  /** Rejects with the failing step's error or the signal's reason, at the moment it is known. */
  readonly done: Promise<void>;
  /** Resolves when nothing of the run is going on any more: all done, or all undone. */
  readonly settled: Promise<UndoReport>;
}

export interface UndoReport {
  readonly undone: boolean; // false: every step succeeded
  /** The undo that failed: from this step back to the first, things are left. */
  readonly failure?: {readonly step: string; readonly error: unknown};
}

/** With `settled` awaited before an error is shown, a caller sees "failed, and nothing is left". */
export function runSteps(steps: readonly Step[], signal: AbortSignal): StepRun {
  let finish!: (report: UndoReport) => void;
  const settled = new Promise<UndoReport>(resolve => {
    finish = resolve;
  });
  return {done: advance(steps, signal, finish), settled};
}

/**
 * Waits for a run. A failure is thrown when it is undone, so that "failed" means "nothing is left";
 * when the signal fired, at once: somebody is waiting for the answer.
 */
export async function endOf(
  {done, settled}: StepRun,
  signal: AbortSignal,
  onUndoFailure: (error: unknown) => void,
): Promise<void> {
  void settled.then(({failure}) => {
    if (failure !== undefined) onUndoFailure(failure.error);
  });
  try {
    await done;
  } catch (error) {
    if (!signal.aborted) await settled;
    throw error;
  }
}

async function advance(
  steps: readonly Step[],
  signal: AbortSignal,
  finish: (report: UndoReport) => void,
): Promise<void> {
  const begun: Step[] = [];
  let running: Promise<void> = Promise.resolve();
  try {
    for (const step of steps) {
      signal.throwIfAborted();
      begun.push(step);
      running = step.run();
      await orAborted(running, signal);
    }
    signal.throwIfAborted();
  } catch (error) {
    // The signal cuts off the waiting, not the work: a system call under way ends by itself.
    void running.then(noop, noop).then(() => undo(begun, finish));
    throw error;
  }
  finish({undone: false});
}

async function undo(begun: readonly Step[], finish: (report: UndoReport) => void): Promise<void> {
  for (const step of begun.toReversed()) {
    try {
      await step.undo?.();
    } catch (error) {
      finish({undone: true, failure: {step: step.name, error}});
      return;
    }
  }
  finish({undone: true});
}

/** `work`, or the signal's reason as soon as it fires; `work` itself goes on. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, {once: true});
    work
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(noop);
  });
}

function noop(): void {}
