import { isSyncError, SyncError } from '../errors/index.js';

/** The error that a signal's abort turns into: its own reason when that is an error of ours, `ABORTED` otherwise. */
export function abortError(signal: AbortSignal): SyncError {
  if (isSyncError(signal.reason)) return signal.reason;
  return new SyncError('ABORTED', 'The operation was called off.', { cause: signal.reason });
}

/** @throws SyncError when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/**
 * Calls back once when a signal fires, at once when it has. No signal never fires.
 *
 * @returns what removes the listener; it may be called any number of times.
 */
export function onAbort(signal: AbortSignal | null | undefined, callback: () => void): () => void {
  if (signal?.aborted === true) callback();
  else signal?.addEventListener('abort', callback, { once: true });
  return () => {
    signal?.removeEventListener('abort', callback);
  };
}

/** Waits; the timer and the listener are gone on every way out. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortError(signal));
      return;
    }
    const timer = setTimeout(() => {
      stopListening();
      resolve();
    }, ms);
    const stopListening = onAbort(signal, () => {
      clearTimeout(timer);
      reject(abortError(signal));
    });
  });
}

/** Rejects when the signal fires before the promise settles; the listener is removed either way. */
export async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    throw abortError(signal);
  }
  let stopListening = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stopListening = onAbort(signal, () => {
      reject(abortError(signal));
    });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stopListening();
  }
}
