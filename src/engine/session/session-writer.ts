import type { BlockRef, Frame } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { type BatchLimits, BatchWriter } from '../batch-writer.js';
import type { SessionFact } from './fact.js';

/** What a {@link SessionWriter} works with. */
export interface SessionWriterDeps {
  readonly chain: Chain;
  readonly batch: BatchLimits;
  /** Resolves when more blocks may be made durable, or the signal has fired. */
  ready(signal: AbortSignal): Promise<void>;
  /** Runs as it happens. */
  readonly onFact: (fact: SessionFact) => void;
  /** Runs when blocks can't be made durable, which whoever waits for the next ones would not see. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes a session's verified blocks durable. What changes the chain goes this way, and is told of here alone. */
export class SessionWriter {
  readonly #deps: SessionWriterDeps;
  readonly #batches: BatchWriter;
  readonly #options: Parameters<Chain['commit']>[1];

  constructor(deps: SessionWriterDeps, signal: AbortSignal) {
    const onDurable = (frames: readonly Frame[]): void => {
      deps.onFact({ kind: 'durable', frames });
    };
    this.#deps = deps;
    this.#options = { onDurable, signal };
    const commit = async (frames: readonly Frame[]): Promise<void> => {
      await deps.ready(signal);
      await deps.chain.commit(frames, this.#options);
    };
    this.#batches = new BatchWriter(commit, deps.batch, deps.onFailure);
  }

  /** Takes blocks; resolves when there is room for more. @throws the failure of an earlier commit */
  push(frames: readonly Frame[]): Promise<void> {
    return this.#batches.push(frames);
  }

  /** Resolves when everything taken is durable. */
  flush(): Promise<void> {
    return this.#batches.flush();
  }

  /**
   * Puts blocks in the place of those above `to`, in one batch; with none it is a mere rollback. Nothing may wait to be
   * durable.
   */
  async replace(to: BlockRef, frames: readonly Frame[]): Promise<void> {
    const { chain, onFact } = this.#deps;
    const dropped = frames.length === 0 ? await chain.rollback(to) : await chain.replace(to, frames);
    if (dropped.length > 0) onFact({ kind: 'dropped', to, dropped });
    if (frames.length > 0) onFact({ kind: 'durable', frames });
  }
}
