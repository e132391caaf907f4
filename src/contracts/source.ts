import type { BlockHeader, BlockRange, ChainChange, ChainTip, Frame } from './block.js';
import type { Authorship, ProvedPart } from './chain-rules.js';
import type { AbortOptions } from './lifecycle.js';
import type { StorageLag, StorageTiles, StorageView } from './storage.js';

/**
 * What a server serves from: a chain that it can read by height and that tells when it changes.
 * A `Chain` (an engine's is `SyncEngine.opened()`), or anything a host writes.
 */
export interface BlockSource {
  /** {@link ChainRules.id}. */
  readonly chain: string;
  /** {@link ChainRules.proves}; without it, or with `null`, a source says nothing of that. */
  readonly proves?: readonly ProvedPart[] | null;
  /** How it is known who made a block; without it, or with `null`, a source says nothing of that. */
  readonly authorship?: Authorship | null;
  /** `null` until the first block is there. */
  chainId(): string | null;
  /** Where the chain stands now. */
  tip(): ChainTip;
  /** The header at a height; `null` when the height isn't held. */
  header(height: number): Promise<BlockHeader | null>;
  /** Verified frames in order, in batches bounded in bytes; heights beyond the head are left out. */
  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]>;
  /** Calls the listener after each change until the returned function is called. The listener must not throw. */
  subscribe(listener: (change: ChainChange) => void): () => void;
  /** Codec that the newest block is held in, which is sent without work; `null` when unknown, as without this. */
  storedAs?(): string | null;
  /** The tiles of the source; a source without them, or with `null`, serves none. */
  readonly tiles?: Pick<StorageTiles, 'at' | 'list' | 'body' | 'free'> | null;
  /** How far it is behind the process that writes it; `null` when this one does. A source without it is not behind. */
  lag?(): StorageLag | null;
  /** A consistent view of blocks and state, to make snapshots from; a source without one serves none. Close it. */
  view?(): Promise<StorageView>;
}
