/** Shortest time between two progress events, in milliseconds; the engine's is the same. */
const INTERVAL_MS = 250;

/** Makes a function that runs `tell` at most four times a second, the first time at once. */
export function throttled<T extends readonly unknown[]>(tell: (...args: T) => void): (...args: T) => void {
  let lastMs = -Infinity;
  return (...args) => {
    const now = performance.now();
    if (now - lastMs < INTERVAL_MS) return;
    lastMs = now;
    tell(...args);
  };
}
