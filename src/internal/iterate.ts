import { raceAbort, throwIfAborted } from './abort.js';

/**
 * The same items; waiting for the next one ends when the signal fires, even when the source does not listen to it.
 * The source's `return` is called on every way out.
 *
 * @throws SyncError `ABORTED`, or the signal's reason when that is an error of ours
 */
export async function* abortable<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  throwIfAborted(signal);
  const iterator = source[Symbol.asyncIterator]();
  let exhausted = false;
  try {
    for (;;) {
      const next = await raceAbort(iterator.next(), signal);
      if (next.done === true) {
        exhausted = true;
        return;
      }
      yield next.value;
      throwIfAborted(signal);
    }
  } finally {
    if (!exhausted) await endIterator(iterator, signal);
  }
}

/** A source that is stuck in `next` answers `return` only after it: that is not waited for once the signal fired. */
async function endIterator(iterator: AsyncIterator<unknown>, signal: AbortSignal): Promise<void> {
  const returned = Promise.resolve(iterator.return?.());
  if (signal.aborted) returned.catch(() => undefined);
  else await returned;
}
