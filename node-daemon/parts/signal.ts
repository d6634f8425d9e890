/**
 * One kind of news, from who has it to who asked for it. Shell, as its listeners are.
 *
 * Typed by its content, so that the compiler knows who consumes what; listeners are told in the order in
 * which they asked, within the call. They must not throw.
 */
export class Signal<T> {
  readonly #listeners: ((news: T) => void)[] = [];

  on(listener: (news: T) => void): void {
    this.#listeners.push(listener);
  }

  emit(news: T): void {
    for (const listener of this.#listeners) listener(news);
  }
}
