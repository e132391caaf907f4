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

type Run = (handler: BlockHandler, signal: AbortSignal) => Promise<void>;
type Blocks = AsyncGenerator<Block, void, undefined>;

/**
 * Turns a run that calls a handler into blocks that are asked for, one at a time. Its `return` ends it also while the next
 * block is waited for.
 *
 * @param run - resolves when the handler has had all blocks.
 * @param outer - calls it off; `null` never does.
 */
export function iterateBlocks(run: Run, outer: AbortSignal | null): Blocks {
  const left = new AbortController();
  const blocks = handedOver(run, outer, left.signal);
  const end = blocks.return.bind(blocks);
  // A generator that waits answers it only behind the next block, which may never come.
  blocks.return = (value) => {
    left.abort();
    return end(value);
  };
  return blocks;
}

/** @param left - fires when nobody wants the next block any more. */
async function* handedOver(run: Run, outer: AbortSignal | null, left: AbortSignal): Blocks {
  const abort = new LinkedAbort(outer ?? undefined);
  const stopListening = onAbort(left, () => {
    abort.abort();
  });
  let next = new Deferred<Offer | null>();
  const running = run((block, signal) => {
    const handled = new Deferred<void>();
    next.resolve({ block, handled });
    // Whoever has the block may never come back for the next one.
    const forget = onAbort(signal, () => {
      handled.reject(signal.reason);
    });
    return handled.promise.finally(forget);
  }, abort.signal);
  running.then(
    () => {
      next.resolve(null);
    },
    (error: unknown) => {
      // Who has left is told nothing, as by `break`.
      if (left.aborted) next.resolve(null);
      else next.reject(error);
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
    stopListening();
    abort.abort();
    abort.release();
    // What the run ends with has been thrown above, or is that it was called off.
    if (!isOver) await running.catch(() => undefined);
  }
}
