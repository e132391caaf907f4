import type { BlockHeader, BlockRange, BlockRef, ChainChange, Frame } from './block.js';
import type { AbortOptions, Closeable } from './lifecycle.js';
import type { StateChange, StateEntry, StateTable, StoreTable } from './state.js';
import type { Tile, TileBody } from './tile.js';

/** What a store holds and what is final in it; written in the same batch as the blocks it speaks of. */
export interface Checkpoint {
  /** Newest durable block; `null` for a store that holds none. */
  readonly head: BlockRef | null;
  /** Oldest height held. */
  readonly base: number;
  /**
   * Newest block that as many peers as the node asks for (`agree`) are known to have; `null` while there is none. Never
   * above the head. It moves back only with a rollback.
   */
  readonly confirmed: BlockRef | null;
  /** Newest irreversible block. Never above the confirmed one, and never moves backwards. */
  readonly finalized: BlockRef | null;
  /**
   * Newest block that came in a snapshot: it and everything below rests on the snapshot's signatures (assurance
   * `assumed`). `null` when all was checked from the base on.
   */
  readonly assumed: BlockRef | null;
}

/** Which chain a store belongs to. Written once, when the first block is. */
export interface ChainIdentity {
  /** {@link ChainRules.id} of the rules the blocks were verified with. */
  readonly chain: string;
  /** What the host gave, or the hash of the first block. */
  readonly chainId: string;
}

/** One block and what it changes. */
export interface CommitBlock {
  readonly frame: Frame;
  /** Changes of the state made by this block, in order. */
  readonly changes: readonly StateChange[];
}

/** How far the blocks of a store can be relied on from now on; `null` leaves a block as it is. */
export interface CheckpointAdvance {
  /** The new confirmed block. */
  readonly confirmed: BlockRef | null;
  /** The new finalized block. */
  readonly finalized: BlockRef | null;
}

/** A tile as it came from a peer, verified. */
export interface CommitTile extends Tile {
  readonly body: TileBody;
}

/** One atomic batch: it happens whole or not at all. */
export interface CommitBatch extends CheckpointAdvance {
  /**
   * Drops every block above this one first, in the same batch, and restores the state as it was after it; `null` drops
   * none.
   */
  readonly rollbackTo: BlockRef | null;
  /**
   * At least one, heights contiguous, the first one directly above `rollbackTo`, or else the head (or at `base` in an
   * empty store).
   */
  readonly blocks: readonly CommitBlock[];
  /**
   * Tiles whose blocks are all among `blocks`, in order: a store that keeps tiles takes their bodies and leaves those frames,
   * where its own cut is the same; others leave the tiles. Absent for none.
   */
  readonly tiles?: readonly CommitTile[];
  /** Required in the first batch of a store, ignored afterwards. */
  readonly identity: ChainIdentity | null;
}

/** A consistent view of a store at one moment; later commits and rollbacks don't show in it. */
export interface StorageView extends Closeable {
  readonly checkpoint: Checkpoint;
  /** As {@link Storage.read}, of this moment. */
  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]>;
  /** As {@link Storage.entries}, of this moment. */
  entries(table: StoreTable, options?: AbortOptions): AsyncIterable<readonly StateEntry[]>;
}

/** Reads the values of the state at one block. */
export interface StateReader {
  /** One state value; `null` when the key isn't set. */
  getState(table: StoreTable, key: string): Promise<Uint8Array | null>;
}

/** What becomes of a {@link StorageStage} that is activated. */
export interface StageActivation {
  readonly identity: ChainIdentity;
  /** The last staged block: the new head, confirmed, finalized and assumed block. */
  readonly head: BlockRef;
}

/**
 * New contents for a store, written beside the old ones, which stay in use until `activate`. Calls come one after the
 * other: first the state, then the blocks.
 */
export interface StorageStage extends Closeable {
  /** Adds entries to a table. @throws SyncError `STORE_FULL`, `STORE_IO` */
  putState(table: StateTable, entries: readonly StateEntry[]): Promise<void>;
  /** Adds verified frames, contiguous; the first one is the new base. @throws SyncError `STORE_GAP`, `STORE_FULL`, `STORE_IO` */
  putBlocks(frames: readonly Frame[]): Promise<void>;
  /**
   * Makes the staged contents the store's, durably and in one step: after a crash at any moment the store holds the old
   * contents or the new. Cursors are kept. Reads that are under way end with the old contents or fail with
   * `STORE_CLOSED`.
   *
   * @throws SyncError `STORE_GAP` when `head` is not the last staged block, `STORE_FULL`, `STORE_IO`; the store is then as before.
   */
  activate(activation: StageActivation): Promise<void>;
  /** Throws away what was not activated. */
  close(): Promise<void>;
}

/**
 * The tiles of a store that keeps its settled blocks so. Which tiles there are follows from the blocks alone; reads of
 * blocks don't tell how they are kept.
 */
export interface StorageTiles {
  /** How many tiles were made here since the store was opened; absent where that isn't counted. */
  readonly made?: number;
  /**
   * Tells that no block up to a height is expected to be dropped. The store makes the tiles that they decide, beside
   * other calls. Blocks may be dropped all the same: what is then no longer decided is kept as single blocks again, in
   * the batch that drops them.
   *
   * @param options - `isDigested`: whether tiles that are made keep the SHA-256 of their documents. Default no.
   * @returns a promise that resolves when the tiles that are due are durable, or the store is being closed.
   * @throws SyncError `STORE_CLOSED`, `STORE_DAMAGED`, `STORE_FULL`, `STORE_IO`
   */
  settle(height: number, options?: { readonly isDigested?: boolean }): Promise<void>;
  /** The tile that has a height; `null` when none has. @throws SyncError `STORE_DAMAGED` */
  at(height: number): Promise<Tile | null>;
  /** The tiles whose first height is in a range, in order. @throws SyncError `STORE_DAMAGED` */
  list(range: BlockRange): Promise<readonly Tile[]>;
  /**
   * The body of a tile: gzip members that are its documents as NDJSON; `null` when the store does not have it any more.
   *
   * @throws SyncError `STORE_DAMAGED`
   */
  body(tile: Tile): Promise<Uint8Array | null>;
  /**
   * Takes back what `body` gave and nobody reads any more. A store whose bodies are the caller's own frees the memory at once;
   * without this, it is left to the collector.
   */
  free?(body: Uint8Array): void;
}

/** How far a reader of a store is behind its writer. */
export interface StorageLag {
  /** Blocks that are known to be there and don't show yet. */
  readonly blocks: number;
  /** Milliseconds since all showed that there was. */
  readonly ms: number;
}

/** Whether a process writes a store, or reads what another one writes. */
export type StorageRole = 'writer' | 'reader';

/** Which role a store has now, where that changes while it is open. */
export interface StorageRoles {
  readonly now: StorageRole;
  /** Calls a listener with each change, once it is so, until the returned function is called. It must not throw. */
  watch(listener: (role: StorageRole) => void): () => void;
}

/**
 * Blocks, state and checkpoint of one node.
 *
 * One writer at a time: `commit`, `advance`, `rollback` and `setCursor` are called one after the other by the engine.
 * Reads may run beside a write and see the store before or after it, never in the middle.
 */
export interface Storage extends Closeable {
  /** Plugin name, for messages: `leveldb`. */
  readonly name: string;
  /**
   * Directory of the store, in which other parts of the node may keep files, each in a subdirectory of its own
   * (`downloads`, `snapshots`); `null` for a store without one.
   */
  readonly directory: string | null;
  readonly supports: {
    /** What a resolved `commit` has written survives power loss. */
    readonly durable: boolean;
    /** Other processes can read the store while one writes it, and one can take over from a writer that is gone. Absent for no. */
    readonly shared?: boolean;
  };
  /**
   * Calls a listener with each change that another process has made, in order and as soon as it shows in this store, until the
   * returned function is called; with `null` when the checkpoint has moved without a block, or the contents were replaced. The
   * listener must not throw. Absent in a store that only this process writes; one that has it is read only, unless `roles`
   * says that it is the writer, and its writes reject with `STORE_READ_ONLY`.
   */
  watch?(listener: (change: ChainChange | null) => void): () => void;
  /** Absent in a store that has one role for as long as it is open. */
  readonly roles?: StorageRoles;
  /** How far what is shown here is behind what the writer has written; `null` in the writer. Absent where nothing can be. */
  lag?(): StorageLag | null;
  /** Absent in a store that keeps no tiles. */
  readonly tiles?: StorageTiles;
  /**
   * Opens the store and checks that the heights from base to head are all there.
   *
   * @throws SyncError `STORE_LOCKED`, `STORE_NOT_RECOGNIZED`, `STORE_VERSION`, `STORE_DAMAGED`, `STORE_IO`
   */
  open(options?: AbortOptions): Promise<void>;
  /** As of the last resolved write. Throws `STORE_CLOSED` before `open`. */
  checkpoint(): Checkpoint;
  /** `null` until the first block is written. */
  identity(): ChainIdentity | null;
  /**
   * Writes blocks, state, undo records and head in one atomic, durable batch; with `rollbackTo` the blocks above it are
   * replaced in that batch: at every moment, also after a crash, the store holds the old branch or the new one.
   *
   * @throws SyncError `STORE_GAP` when the batch doesn't extend the head or `rollbackTo`, or that isn't held;
   *   `BELOW_FINALIZED` when a finalized block would be dropped; `STORE_FULL`, `STORE_IO`, `STORE_READ_ONLY`, and
   *   `STORE_LOCKED` when another process has taken the store over. The store is then as before. `STORE_UNAVAILABLE`: it
   *   is not known whether the batch was written; a store that is opened again shows it.
   */
  commit(batch: CommitBatch): Promise<void>;
  /**
   * Moves the confirmed and the finalized block forward without adding a block, durably. One that is not above the
   * present one changes nothing.
   *
   * @throws SyncError `STORE_FULL`, `STORE_IO`; the store is then as before.
   */
  advance(to: CheckpointAdvance): Promise<void>;
  /**
   * Drops every block above `to` and restores the state as it was after `to`, in one atomic, durable batch.
   *
   * @param to - the new head; `null` empties the store of blocks and state.
   * @returns the refs of the dropped blocks, newest first.
   * @throws SyncError `BELOW_FINALIZED` when a finalized block would be dropped, `STORE_GAP` when `to` isn't held.
   */
  rollback(to: BlockRef | null): Promise<readonly BlockRef[]>;
  /**
   * Drops every block below `to`, which becomes the base and final, in one atomic, durable batch: what is gone can't be gone
   * back to, and undo records up to it are of no use any more. State, cursors, identity and head stay as they are, and so do
   * the tiles above. One that is not above the base changes nothing. Views and reads under way keep what they began with.
   * Absent in a store that can't.
   *
   * @param to - a confirmed block whose height is a multiple of 1,024, so that no tile is cut.
   * @throws TypeError for a block above the confirmed one, or at another height.
   * @throws SyncError `STORE_GAP` when `to` isn't held; as `commit` otherwise; the store is then as before.
   */
  prune?(to: BlockRef): Promise<void>;
  /** The header at a height without its body; `null` when the height isn't held. */
  header(height: number): Promise<BlockHeader | null>;
  /**
   * The frame at a height, checksum verified; `null` when the height isn't held.
   *
   * @throws SyncError `STORE_DAMAGED` naming the height
   */
  get(height: number): Promise<Frame | null>;
  /**
   * Frames in order, in batches bounded in bytes (about 1 MiB, at least one frame); heights beyond head are left out.
   *
   * @throws SyncError `STORE_DAMAGED` naming the height of a damaged or missing frame
   */
  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]>;
  /** One state value; `null` when the key isn't set. */
  getState(table: StoreTable, key: string): Promise<Uint8Array | null>;
  /**
   * The state as it was after a block that is held, read by its undo records: what a branch that begins there builds on.
   * Good until the next write.
   *
   * @throws SyncError `BELOW_FINALIZED` below the finalized block, `STORE_GAP` when the block isn't held.
   */
  stateAfter(block: BlockRef): Promise<StateReader>;
  /** All entries of a table in ascending order of the key's UTF-8 bytes. */
  entries(table: StoreTable, options?: AbortOptions): AsyncIterable<readonly StateEntry[]>;
  /** A consumer's saved position; `null` when it has none. */
  cursor(consumer: string): Promise<BlockRef | null>;
  /** Saves a consumer's position; survives a crash of the process. */
  setCursor(consumer: string, ref: BlockRef): Promise<void>;
  /** A consistent read view; close it. */
  view(): Promise<StorageView>;
  /**
   * Begins new contents for the store; at most one at a time. What a crash left of an earlier one is removed.
   *
   * @throws SyncError `STORE_CLOSED`, `STORE_FULL`, `STORE_IO`
   */
  stage(): Promise<StorageStage>;
}
