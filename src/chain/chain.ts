import type {
  AbortOptions,
  Authorship,
  BlockHeader,
  BlockRange,
  BlockRef,
  BlockSource,
  ChainChange,
  ChainRules,
  Checkpoint,
  Closeable,
  CodecRegistry,
  Frame,
  StateTable,
  StateTransition,
  Storage,
  StorageLag,
  StorageRole,
  StorageView,
  VerifiedTile,
  VerifyTile,
} from '../contracts/index.js';
import { storedLimits } from '../internal/expansion.js';
import { checkDocuments, checkPlace } from './arguments.js';
import { Block } from './block.js';
import { ChainTally } from './chain-tally.js';
import { ChainListeners, type RollbackHook } from './chain-listeners.js';
import { ChainWriter, type CommitOptions } from './chain-writer.js';
import type { AppendPoint } from '../internal/links.js';
import { Equivocations, type Equivocation, type Evidence, type EvidenceShelf } from './evidence.js';
import type { Pins } from './pins.js';
import { EACH, type Producers, type SignedFrom, VOUCHED } from './producers.js';
import { StateKeeper } from './state/state-keeper.js';
import { checkStateAge } from './state/state-note.js';
import { servedTiles } from './served-tiles.js';
import { decodeValue } from './state/values.js';
import type { StorageEncoding } from './storage-encoding.js';
import { StoredValidators } from './stored-validators.js';
import { StoredName } from './stored-name.js';
import { Verifier } from './verifier.js';

/** Parts of a {@link Chain}. The storage is open and belongs to the chain from then on. */
export interface ChainParts {
  readonly storage: Storage;
  readonly rules: ChainRules;
  readonly codecs: CodecRegistry;
  readonly encoding: StorageEncoding;
  /** The chain's name when the host gives one; `null` takes the store's, or the first block's hash. */
  readonly chainId: string | null;
  /** Blocks that the host knows. */
  readonly pins: Pins;
  /** Who may write blocks; `null` when anybody may. */
  readonly producers: Producers | null;
  readonly evidence: EvidenceShelf;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** Largest decoded block, in bytes. */
  readonly maxBlockBytes: number;
  readonly verifyTile: VerifyTile;
  /** What blocks do to the state; `null` when there is none. */
  readonly stateTransition: StateTransition | null;
  /** Up to where blocks can't be rolled back once a block is confirmed; `null` for none but those of a snapshot. */
  readonly finalHeight: (confirmed: BlockRef, chain: Chain) => number | null;
  /** Whether a verified block counts as confirmed; else peers have to have it, or the host appended it. */
  readonly confirmsVerified: boolean;
  /** Confirmed blocks that a branch may take the place of. */
  readonly maxRollbackBlocks: number;
  /** Runs after the storage was closed. */
  readonly onClose: () => Promise<void>;
}

/**
 * A verified chain in a store: append blocks, read them, serve them. Whatever is in it was checked on the way in.
 */
export class Chain implements BlockSource, Closeable {
  /** Settled blocks of this chain as its store has them in tiles; `null` for a store that keeps none. */
  readonly tiles: NonNullable<BlockSource['tiles']> | null;
  /**
   * What it has done since it was opened.
   *
   * @internal
   */
  readonly tally = new ChainTally();
  readonly #parts: ChainParts;
  readonly #listeners = new ChainListeners();
  readonly #writer: ChainWriter;
  /** `null` where anybody may write. */
  readonly #equivocations: Equivocations | null;
  readonly #name: StoredName;
  /** Checked here, and linked to nothing yet. */
  readonly #checkedTiles = new WeakSet<VerifiedTile>();
  readonly #validators: StoredValidators;
  #closing: Promise<void> | null = null;

  /**
   * Hosts call `openChain`.
   *
   * @throws SyncError `CHAIN_MISMATCH` when the store was made under other rules or for another chain.
   * @internal
   */
  constructor(parts: ChainParts) {
    this.#parts = parts;
    this.#name = new StoredName(parts);
    const { storage, rules, base, pins, producers, evidence: shelf } = parts;
    this.tiles = storage.tiles === undefined ? null : servedTiles(storage.tiles, rules);
    const decode = (frame: Frame): Uint8Array => this.#decode(frame, null).bytes;
    this.#equivocations =
      producers === null ? null : new Equivocations({ storage, producers, shelf, decode });
    this.#validators = new StoredValidators({
      ...{ rules, storage, maxRollbackBlocks: parts.maxRollbackBlocks },
      document: async (height) => (await this.get(height))?.bytes ?? null,
    });
    this.#writer = new ChainWriter({
      storage,
      tally: this.tally,
      listeners: this.#listeners,
      pins,
      producers,
      rules: rules.id,
      digestsTiles: rules.covers !== 'document',
      base,
      state: this.#stateKeeper(),
      confirmsVerified: parts.confirmsVerified,
      maxRollbackBlocks: parts.maxRollbackBlocks,
      chainId: () => this.#name.forEmpty,
      finalHeight: (confirmed) => parts.finalHeight(confirmed, this),
    });
  }

  /** {@link ChainRules.id} of this chain. */
  get chain(): string {
    return this.#parts.rules.id;
  }

  /** What is proved of each block that it takes: {@link ChainRules.proves}. */
  get proves(): readonly string[] {
    return this.#parts.rules.proves ?? ['links'];
  }

  /** How it is known who made a block: as {@link ChainRules.authorship}, and `pinned` where `producers` say who may. */
  get authorship(): Authorship {
    const { rules, producers } = this.#parts;
    return producers === null ? (rules.authorship ?? 'none') : 'pinned';
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

  chainId(): string | null {
    return this.#name.chainId;
  }

  tip(): Checkpoint {
    return this.#parts.storage.checkpoint();
  }

  /**
   * Whether this process writes the store, or reads what another one writes. It changes in a store that several processes
   * stand by to write (`role: 'auto'`).
   */
  get role(): StorageRole {
    const { storage } = this.#parts;
    return storage.roles?.now ?? (storage.watch === undefined ? 'writer' : 'reader');
  }

  /**
   * Whether the role may change.
   *
   * @internal
   */
  get standsBy(): boolean {
    return this.#parts.storage.roles !== undefined;
  }

  /** Calls a listener with each change of the role, until the returned function is called. It must not throw. */
  watchRole(listener: (role: StorageRole) => void): () => void {
    return this.#parts.storage.roles?.watch(listener) ?? (() => undefined);
  }

  /** How far a reader is behind the process that writes the store; `null` when that is this one. */
  lag(): StorageLag | null {
    return this.#parts.storage.lag?.() ?? null;
  }

  /**
   * The point that the next block is appended at.
   *
   * @internal
   */
  get appendPoint(): AppendPoint {
    return this.#writer.appendPoint;
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

  header(height: number): Promise<BlockHeader | null> {
    return this.#parts.storage.header(height);
  }

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
    return this.#decode(frame, this.#parts.rules);
  }

  #decode(frame: Frame, rules: ChainRules | null): Block {
    const document = this.#parts.codecs.get(frame.codec).decode(frame.bytes, storedLimits(frame));
    return new Block(frame.header, document, rules);
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
   * Looks at what is in the store: in which codec its newest block is, and whether its state, if a transition is to keep
   * it, agrees with its blocks. Notes what counts as confirmed and as final by the present configuration.
   *
   * @throws SyncError `STATE_FAILED` when there are blocks that no transition saw.
   * @internal
   */
  async checkStore(): Promise<void> {
    await this.#writer.checkStore();
    await this.#validators.load();
  }

  /**
   * Verifies documents and appends them in one durable batch: all of them or, when one is refused, none.
   *
   * @throws TypeError for what is not an array of bytes.
   * @throws SyncError naming the height of the refused document; `STATE_FAILED` when the state transition fails
   */
  async append(documents: readonly Uint8Array[]): Promise<readonly BlockRef[]> {
    checkDocuments(documents);
    const frames = await this.#writer.append(() => {
      const verifier = this.verifier(this.appendPoint, EACH);
      return documents.map((document) => verifier.document(document));
    });
    return frames.map(({ header }) => ({ height: header.height, hash: header.hash }));
  }

  /**
   * Appends frames that a {@link Verifier} of this chain made, in one durable batch; in several where there is a state
   * transition. When that fails, the blocks before are stored. A store that keeps tiles takes those that are in one batch.
   *
   * @internal
   */
  commit(frames: readonly Frame[], options: CommitOptions = {}): Promise<void> {
    return this.#writer.commit(frames, options);
  }

  /**
   * Drops every block above `to` and restores the state as it was after `to`, in one durable batch. Followers are told.
   * Not for a chain that an engine is syncing into: the engine rolls back by itself, and fails when somebody else does.
   *
   * @param to - the new head; `null` drops all blocks, of which listeners are told only when new ones come.
   * @returns the dropped blocks, newest first.
   * @throws TypeError for what names no block.
   * @throws SyncError `BELOW_FINALIZED` when one of them is final or a checkpoint, `STORE_GAP` when `to` is not on this chain; nothing is
   *   changed then.
   */
  async rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    checkPlace(to);
    return this.#writer.rollback(to);
  }

  /**
   * Puts verified frames in the place of the blocks above `to`, in one durable batch with their state.
   *
   * @returns the dropped blocks, newest first.
   * @internal
   */
  replace(to: BlockRef, frames: readonly Frame[], options?: CommitOptions): Promise<readonly BlockRef[]> {
    return this.#writer.replace(to, frames, options);
  }

  /**
   * Notes that enough peers have a block of this chain, and what that makes final.
   *
   * @internal
   */
  confirm(ref: BlockRef): Promise<void> {
    return this.#writer.confirm(ref);
  }

  /**
   * Resolves when the tiles are made that are due.
   *
   * @returns the newest height that is settled; −1 when none is.
   * @throws SyncError `STORE_CLOSED`, `STORE_DAMAGED`, `STORE_FULL`, `STORE_IO`
   * @internal
   */
  tilesMade(): Promise<number> {
    return this.#writer.tilesMade();
  }

  /**
   * Calls a listener whenever the confirmed block has moved without a new block.
   *
   * @internal
   */
  onConfirmed(listener: () => void): () => void {
    return this.#listeners.onConfirmed(listener);
  }

  /**
   * Calls a hook before each rollback until the returned function is called.
   *
   * @internal
   */
  beforeRollback(hook: RollbackHook): () => void {
    return this.#listeners.beforeRollback(hook);
  }

  /**
   * A verifier that continues this chain from its present head, or from another point on it.
   *
   * @param signedFrom - from which height on each block's own signature is checked, where `producers` ask for signatures;
   *   else those are enough that vouch for others.
   * @internal
   */
  verifier(point: AppendPoint = this.appendPoint, signedFrom: SignedFrom = VOUCHED): Verifier {
    const { rules, codecs, encoding, maxBlockBytes, pins, producers, storage } = this.#parts;
    const name = this.#name.forBlocks;
    const tiles = { checked: this.#checkedTiles, areKept: storage.tiles !== undefined };
    return new Verifier(
      {
        ...{ rules, codecs, encoding, maxBlockBytes, pins, producers, signedFrom, name, tiles },
        tally: this.tally,
        validators: this.#validators,
      },
      point,
    );
  }

  /**
   * Checks a tile by itself. A {@link Verifier} of this chain then links it.
   *
   * @internal
   */
  readonly verifyTile: VerifyTile = async (entry, body, options) => {
    const startedMs = performance.now();
    const tile = await this.#parts.verifyTile(entry, body, options);
    this.tally.tile.add(performance.now() - startedMs);
    this.#checkedTiles.add(tile);
    return tile;
  };

  /**
   * Checks the own signature of a block that is held, where `producers` ask for one.
   *
   * @throws SyncError `PRODUCER_UNKNOWN`, `SIGNATURE_INVALID`
   * @internal
   */
  checkSignature(block: Block): void {
    this.#parts.producers?.check(block, block.bytes);
  }

  /**
   * Compares verified blocks of another branch with the ones that are held, where `producers` say who may write, and keeps
   * the proof of a producer that has signed two blocks at one height.
   *
   * @returns what nobody was told of yet.
   * @throws SyncError `SIGNATURE_INVALID` for a block that only looks as if the producer of ours had signed it.
   * @internal
   */
  async equivocations(frames: readonly Frame[]): Promise<readonly Equivocation[]> {
    return this.#equivocations === null ? [] : this.#equivocations.among(frames);
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

  /** Saves where a consumer of this chain has got to. */
  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#writer.setCursor(consumer, ref);
  }

  /**
   * Names the chain that an empty store will hold. Until it holds a block the name is the last peer's word, unless it was
   * configured.
   *
   * @throws SyncError `CHAIN_MISMATCH` when it has another one.
   * @internal
   */
  adoptChainId(chainId: string): void {
    this.#name.adopt(chainId);
  }

  storedAs(): string | null {
    return this.#writer.storedAs;
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    return this.#listeners.subscribe(listener);
  }

  /** Closes it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Waits for writes under way and closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writer.idle();
    this.#writer.unwatch();
    this.#listeners.clear();
    try {
      await this.#parts.storage.close();
    } finally {
      await this.#parts.onClose();
    }
  }

  #stateKeeper(): StateKeeper | null {
    const { storage, stateTransition: transition } = this.#parts;
    // What a transition is given was verified a moment before.
    const decode = (frame: Frame): Block => this.#decode(frame, null);
    return transition === null ? null : new StateKeeper({ transition, storage, decode });
  }
}
