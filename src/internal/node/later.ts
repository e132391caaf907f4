/** Calls a function in the next turn of the event loop. */
export function later(run: () => void): void {
  setImmediate(run);
}
