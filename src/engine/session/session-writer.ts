import type { BlockRef, CommitTile, Frame } from '../../contracts/index.js';
import type { Chain } from '../../chain/chain.js';
import { type Batch, type BatchLimits, BatchWriter } from '../batch-writer.js';
import type { EngineTally } from '../engine-tally.js';
import type { SessionFact } from './fact.js';

/** What a {@link SessionWriter} works with. */
export interface SessionWriterDeps {
  readonly chain: Chain;
  readonly tally: EngineTally;
  readonly batch: BatchLimits;
  /** Resolves when so many more blocks may be made durable, or the signal has fired. */
  ready(blocks: number, signal: AbortSignal): Promise<void>;
  /** Runs as it happens. */
  readonly onFact: (fact: SessionFact) => void;
  /** Runs when blocks can't be made durable, which whoever waits for the next ones would not see. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes a session's verified blocks durable. What changes the chain goes this way, and is told of here alone. */
export class SessionWriter {
  readonly #deps: SessionWriterDeps;
  readonly #batches: BatchWriter;

  constructor(deps: SessionWriterDeps, signal: AbortSignal) {
    const onDurable = (frames: readonly Frame[], tiles: readonly CommitTile[]): void => {
      deps.onFact({ kind: 'durable', frames, tiles });
    };
    this.#deps = deps;
    const commit = async ({ frames, tiles }: Batch): Promise<void> => {
      await deps.ready(frames.length, signal);
      await deps.chain.commit(frames, { tiles, onDurable, signal });
    };
    this.#batches = new BatchWriter(commit, deps.batch, deps.onFailure);
    deps.tally.queueBytes = () => this.#batches.pendingBytes;
  }

  /**
   * Takes blocks; resolves when there is room for more.
   *
   * @param tile - that they are all blocks of; `null` for none.
   * @throws the failure of an earlier commit
   */
  push(frames: readonly Frame[], tile: CommitTile | null): Promise<void> {
    return this.#batches.push(frames, tile);
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
    if (frames.length > 0) onFact({ kind: 'durable', frames, tiles: [] });
  }
}
