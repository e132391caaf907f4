import type { Block } from '../chain/block.js';
import type { BlockHandler } from '../chain/consumer/consumer.js';
import { onAbort } from '../internal/abort.js';
import { Deferred } from '../internal/deferred.js';
import { LinkedAbort } from '../internal/linked-abort.js';

/** A block that is handed over, and what acknowledges it. */
interface Offer {
  readonly block: Block;
  readonly handled: Deferred<void>;
}

/**
 * Turns a run that calls a handler into blocks that are asked for, one at a time.
 *
 * @param run - resolves when the handler has had all blocks.
 * @param outer - calls it off; `null` never does.
 */
export async function* iterateBlocks(
  run: (handler: BlockHandler, signal: AbortSignal) => Promise<void>,
  outer: AbortSignal | null,
): AsyncGenerator<Block, void, undefined> {
  const abort = new LinkedAbort(outer ?? undefined);
  let next = new Deferred<Offer | null>();
  const running = run((block, signal) => {
    const handled = new Deferred<void>();
    next.resolve({ block, handled });
    // Whoever has the block may never come back for the next one.
    const stopListening = onAbort(signal, () => {
      handled.reject(signal.reason);
    });
    return handled.promise.finally(stopListening);
  }, abort.signal);
  running.then(
    () => {
      next.resolve(null);
    },
    (error: unknown) => {
      next.reject(error);
    },
  );
  let isOver = false;
  try {
    for (;;) {
      const offer = await next.promise;
      if (offer === null) break;
      next = new Deferred();
      yield offer.block;
      // How a run ends that is called off is for the run to say: one that follows has come to its end.
      if (abort.signal.aborted) await running;
      offer.handled.resolve();
    }
    isOver = true;
  } finally {
    abort.abort();
    abort.release();
    // What the run ends with has been thrown above, or is that it was called off.
    if (!isOver) await running.catch(() => undefined);
  }
}
