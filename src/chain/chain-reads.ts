import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  BlockSource,
  ChainRules,
  Checkpoint,
  CodecRegistry,
  Frame,
  StateTable,
  Storage,
  StorageView,
} from '../contracts/index.js';
import { storedLimits } from '../internal/expansion.js';
import { Block } from './block.js';
import type { Evidence, EvidenceShelf } from './evidence.js';
import { servedTiles } from './served-tiles.js';
import { checkStateAge } from './state/state-note.js';
import { decodeValue } from './state/values.js';
import type { StoredName } from './stored-name.js';

/** What a chain is read with. */
export interface ReadParts {
  /** It is open. */
  readonly storage: Storage;
  readonly rules: ChainRules;
  readonly codecs: CodecRegistry;
  readonly evidence: EvidenceShelf;
  /** Largest decoded block, in bytes. */
  readonly maxBlockBytes: number;
}

/** What can be read of a chain in a store. Whatever is in it was checked on the way in. */
export class ChainReads {
  /** Settled blocks of this chain as its store has them in tiles; `null` for a store that keeps none. */
  readonly tiles: NonNullable<BlockSource['tiles']> | null;
  readonly #parts: ReadParts;
  readonly #name: StoredName;

  /** @internal */
  constructor(parts: ReadParts, name: StoredName) {
    const { storage, rules } = parts;
    this.#parts = parts;
    this.#name = name;
    this.tiles = storage.tiles === undefined ? null : servedTiles(storage.tiles, rules);
  }

  /** {@link ChainRules.id} of this chain. */
  get chain(): string {
    return this.#parts.rules.id;
  }

  /**
   * Directory of the store; `null` when it has none.
   *
   * @internal
   */
  get directory(): string | null {
    return this.#parts.storage.directory;
  }

  /**
   * How many tiles the store has made since it was opened; `null` where it doesn't count them.
   *
   * @internal
   */
  get madeTiles(): number | null {
    return this.#parts.storage.tiles?.made ?? null;
  }

  /** Name of the chain by its first block; `null` until that is there. */
  chainId(): string | null {
    return this.#name.chainId;
  }

  /** Where the chain stands now. */
  tip(): Checkpoint {
    return this.#parts.storage.checkpoint();
  }

  /**
   * Reads a document's place without verifying anything.
   *
   * @internal
   */
  describe(bytes: Uint8Array, codec = 'identity'): BlockHeader {
    const { rules, codecs, maxBlockBytes } = this.#parts;
    return rules.describe(codecs.get(codec).decode(bytes, { maxOutputBytes: maxBlockBytes }));
  }

  /** The header at a height; `null` when the height isn't held. */
  header(height: number): Promise<BlockHeader | null> {
    return this.#parts.storage.header(height);
  }

  /** Verified frames in order, in batches bounded in bytes; heights beyond the head are left out. */
  read(range: BlockRange, options?: AbortOptions): AsyncIterable<readonly Frame[]> {
    return this.#parts.storage.read(range, options);
  }

  /**
   * One block with its body; `null` when the height isn't held.
   *
   * @throws SyncError `STORE_DAMAGED`
   */
  async get(height: number): Promise<Block | null> {
    const frame = await this.#parts.storage.get(height);
    return frame === null ? null : this.decode(frame);
  }

  /** The block in a frame that the store has given. */
  decode(frame: Frame): Block {
    return new Block(frame.header, this.documentOf(frame), this.#parts.rules);
  }

  /**
   * The document in a frame that the store has given.
   *
   * @internal
   */
  documentOf(frame: Frame): Uint8Array {
    return this.#parts.codecs.get(frame.codec).decode(frame.bytes, storedLimits(frame));
  }

  /**
   * One value of the state after the newest block, parsed; `null` when the key isn't set.
   *
   * @throws SyncError `STORE_DAMAGED`
   */
  async getState(table: StateTable, key: string): Promise<unknown> {
    const bytes = await this.#parts.storage.getState(table, key);
    return bytes === null ? null : decodeValue(bytes);
  }

  /**
   * Keys and parsed values of a table as of the moment the first one is asked for, in ascending order of the keys'
   * UTF-8 bytes. `view().entries` gives the bytes.
   *
   * @throws SyncError `STORE_DAMAGED`; `ABORTED`
   */
  async *stateEntries(
    table: StateTable,
    options: AbortOptions = {},
  ): AsyncGenerator<readonly [key: string, value: unknown], void, undefined> {
    const view = await this.#parts.storage.view();
    try {
      for await (const entries of view.entries(table, options)) {
        for (const { key, value } of entries) yield [key, decodeValue(value)];
      }
    } finally {
      await view.close();
    }
  }

  /**
   * The proofs that producers have signed two different blocks at one height, lowest height first. They are kept in the
   * store's directory, at most 8 of a producer, 64 and 64 MiB of all; for a store without a directory as long as the chain is open.
   */
  evidence(): Promise<readonly Evidence[]> {
    return this.#parts.evidence.list();
  }

  /** Whether a block is on this chain now. */
  async holds(ref: BlockRef): Promise<boolean> {
    return (await this.#parts.storage.header(ref.height))?.hash === ref.hash;
  }

  /**
   * A consistent view of blocks and state, to make snapshots from. Close it.
   *
   * @throws SyncError `SNAPSHOT_UNAVAILABLE` when the state is older than the blocks: it came in a snapshot, and blocks
   * were added without a transition.
   */
  async view(): Promise<StorageView> {
    const view = await this.#parts.storage.view();
    try {
      await checkStateAge(this.#parts.storage, view);
      return view;
    } catch (error) {
      await view.close();
      throw error;
    }
  }

  /** Where a consumer of this chain has got to; `null` when it has not begun. */
  cursor(consumer: string): Promise<BlockRef | null> {
    return this.#parts.storage.cursor(consumer);
  }
}
