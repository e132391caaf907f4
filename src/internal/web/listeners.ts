/** Nothing: only Node warns of many listeners. */
export function expectListeners(): void {
  // Nobody counts them.
}
