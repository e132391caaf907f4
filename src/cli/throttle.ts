/** Shortest time between two progress events, in milliseconds; the engine's is the same. */
const INTERVAL_MS = 250;

/** Makes a function that runs `tell` at most four times a second, the first time at once. */
export function throttled(tell: () => void): () => void {
  let lastMs = -Infinity;
  return () => {
    const now = performance.now();
    if (now - lastMs < INTERVAL_MS) return;
    lastMs = now;
    tell();
  };
}
