import type { BlockHeader, Frame } from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import type { Block } from '../../chain/block.js';
import type { Chain } from '../../chain/chain.js';
import type { BlockEvent } from './events.js';
import type { Pace } from './pace.js';

/**
 * A block event as the engine publishes it.
 *
 * A subscriber that is slow holds one of these for each block it has not had: so it has what it needs and no more, not
 * the frame, and no function of its own.
 */
export class StoredBlockEvent implements BlockEvent {
  readonly type = 'block';
  readonly header: BlockHeader;
  readonly documentBytes: number;
  readonly origin: BlockEvent['origin'];
  readonly #chain: Chain;
  readonly #pace: Pace | null;
  /** Its number among the block events of its subscriber; 0 for none's. */
  readonly #number: number;

  constructor(
    chain: Chain,
    { header, documentBytes }: Pick<Frame, 'header' | 'documentBytes'>,
    origin: BlockEvent['origin'],
    pace: Pace | null = null,
  ) {
    this.header = header;
    this.documentBytes = documentBytes;
    this.origin = origin;
    this.#chain = chain;
    this.#pace = pace;
    this.#number = pace?.give() ?? 0;
  }

  /** The same event for one subscriber. */
  paced(pace: Pace): StoredBlockEvent {
    return new StoredBlockEvent(this.#chain, this, this.origin, pace);
  }

  async block(): Promise<Block> {
    this.#pace?.load(this.#number);
    const { height, hash } = this.header;
    const block = await this.#chain.get(height);
    if (block?.hash === hash) return block;
    throw new SyncError('BELOW_BASE', `Block ${height} is no longer in the store.`, { height });
  }
}
