import { SyncError } from '../errors/index.js';
import { throwIfAborted } from './abort.js';
import { LinkedAbort } from './linked-abort.js';

/**
 * Runs work with a signal that fires after a time, or with the caller's before.
 *
 * @throws what the work throws; once the time is over that is `PEER_TIMEOUT`, if it listens to its signal.
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  const timer = setTimeout(() => {
    abort.abort(new SyncError('PEER_TIMEOUT', `No answer within ${ms} ms.`));
  }, ms);
  try {
    return await work(abort.signal);
  } finally {
    clearTimeout(timer);
    abort.release();
  }
}
