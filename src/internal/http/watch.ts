/**
 * When a timer fires late because the process was busy or stopped, what it waits for may have arrived meanwhile and
 * only not been looked at. This long is left for that.
 */
const GRACE_MS = 20;
/** Timers with more than this fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls `onTimeout` after a time; returns what calls that off. A process that was stopped does not count as silence. */
export function watch(ms: number, onTimeout: () => void): () => void {
  let timer = setTimeout(
    () => {
      timer = setTimeout(onTimeout, GRACE_MS);
    },
    Math.min(ms, MAX_TIMER_MS),
  );
  return () => {
    clearTimeout(timer);
  };
}
