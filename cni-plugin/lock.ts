/**
 * One at a time per attachment, in the order of arrival: a DEL that races an ADD runs after it and
 * removes what it made. Shell; holds nothing for keys that nobody waits for.
 */
import {orAborted} from './steps.js';

export class AttachmentLock {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Resolves with the release, which may be called more than once.
   * @throws the signal's reason when it fires first; the turn is then given up.
   */
  async acquire(key: string, signal: AbortSignal): Promise<() => void> {
    const before = this.#tails.get(key);
    let open!: () => void;
    const mine = new Promise<void>(resolve => {
      open = resolve;
    });
    const tail = before === undefined ? mine : before.then(() => mine);
    this.#tails.set(key, tail);
    const release = () => {
      open();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    if (before === undefined) return release;
    try {
      await orAborted(before, signal);
    } catch (error) {
      // Whoever came after us still waits for whoever came before us: the tail stays in the map.
      open();
      void tail.then(release);
      throw error;
    }
    return release;
  }

  isHeld(key: string): boolean {
    return this.#tails.has(key);
  }
}
