import { SyncError } from '../errors/index.js';
import { throwIfAborted } from './abort.js';
import { LinkedAbort } from './linked-abort.js';

/**
 * Runs work with a signal that fires after a time, or with the caller's before.
 *
 * @param late - the signal's reason once the time is over. Default: `PEER_TIMEOUT`.
 * @throws what the work throws; once the time is over that is what `late` gives, if it listens to its signal.
 */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => SyncError = () => new SyncError('PEER_TIMEOUT', `No answer within ${ms} ms.`),
): Promise<T> {
  throwIfAborted(signal);
  const abort = new LinkedAbort(signal);
  const timer = setTimeout(() => {
    abort.abort(late());
  }, ms);
  try {
    return await work(abort.signal);
  } finally {
    clearTimeout(timer);
    abort.release();
  }
}
