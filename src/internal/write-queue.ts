/** Runs asynchronous tasks one after the other, in the order they were given. */
export class WriteQueue {
  #tail: Promise<void> = Promise.resolve();

  /** Runs a task when all earlier ones have settled; the result is the task's own. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when everything given so far has settled. */
  idle(): Promise<void> {
    return this.#tail;
  }
}
