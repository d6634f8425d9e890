/** What became of iptables chains and sysctls over all passes: what fails and since when. No I/O. */
import type {HostPass} from './host-settings.js';

export interface SettingsHealth {
  readonly desired: number;
  readonly operations: number; // chains and sysctls written since start
  readonly failed: ReadonlyMap<string, {readonly message: string; readonly sinceMs: number}>;
  readonly lastOkAtMs?: number; // end of the last pass that left nothing failed
  readonly lastPassMs: number; // duration
}

export class SettingsLedger {
  readonly #since = new Map<string, number>();
  #operations = 0;
  #lastOkAtMs: number | undefined;
  #last: HostPass | undefined;

  note(pass: HostPass): void {
    const {failed, chainsWritten, sysctlsWritten, endedAtMs} = pass;
    this.#last = pass;
    this.#operations += chainsWritten + sysctlsWritten.length;
    for (const key of this.#since.keys()) if (!failed.has(key)) this.#since.delete(key);
    for (const key of failed.keys()) {
      if (!this.#since.has(key)) this.#since.set(key, endedAtMs);
    }
    if (failed.size === 0) this.#lastOkAtMs = endedAtMs;
  }

  /** Undefined before the first pass. */
  health(): SettingsHealth | undefined {
    if (this.#last === undefined) return undefined;
    const {desired, failed, durationMs, endedAtMs} = this.#last;
    const failures = [...failed].map(([key, {message}]) => {
      return [key, {message, sinceMs: this.#since.get(key) ?? endedAtMs}] as const;
    });
    return {
      ...{desired, operations: this.#operations, failed: new Map(failures)},
      ...(this.#lastOkAtMs !== undefined && {lastOkAtMs: this.#lastOkAtMs}),
      lastPassMs: durationMs,
    };
  }
}
