import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  BlockRef,
  BlockSource,
  ChainChange,
  ChainIdentity,
  ChainRules,
  Checkpoint,
  Closeable,
  Codec,
  CodecRegistry,
  CommitBlock,
  Frame,
  StateTable,
  StateTransition,
  Storage,
  StorageView,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { Block } from './block.js';
import { type Finality, finalHeight } from './finality.js';
import { type NextPlace, nextHeight } from './links.js';
import { StateKeeper } from './state/state-keeper.js';
import { checkStateAge, checkStateNote, writeStateNote } from './state/state-note.js';
import { decodeValue } from './state/values.js';
import { Verifier } from './verifier.js';
import { WriteQueue } from '../internal/write-queue.js';

/** Parts of a {@link Chain}. The storage is open and belongs to the chain from then on. */
export interface ChainParts {
  readonly storage: Storage;
  readonly rules: ChainRules;
  readonly codecs: CodecRegistry;
  readonly storeCodec: Codec;
  /** Documents of fewer bytes are stored as they are. */
  readonly rawBelowBytes: number;
  /** The chain's name when the host gives one; `null` takes the store's, or the first block's hash. */
  readonly chainId: string | null;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** Largest decoded block, in bytes. */
  readonly maxBlockBytes: number;
  /** What blocks do to the state; `null` when there is none. */
  readonly stateTransition: StateTransition | null;
  /** Which blocks can't be rolled back; `null` for none but those of a snapshot. */
  readonly finality: Finality | null;
  /** Runs after the storage was closed. */
  readonly onClose: () => Promise<void>;
}

/**
 * Options of {@link Chain.commit}. The signal is heard between two batches.
 *
 * @internal
 */
export interface CommitOptions extends AbortOptions {
  /** Runs after each batch with what is durable now. */
  readonly onDurable?: (frames: readonly Frame[]) => void;
}

/**
 * Runs before blocks are dropped, with their refs, newest first; what it saves is durable before the blocks are gone.
 *
 * @internal
 */
export type RollbackHook = (
  to: BlockRef,
  dropped: readonly BlockRef[],
  storage: Pick<Storage, 'cursor' | 'setCursor' | 'header'>,
) => Promise<void>;

/**
 * A verified chain in a store: append blocks, read them, serve them. Whatever is in it was checked on the way in.
 */
export class Chain implements BlockSource, Closeable {
  readonly #parts: ChainParts;
  readonly #writes = new WriteQueue();
  readonly #listeners = new Set<(change: ChainChange) => void>();
  readonly #hooks = new Set<RollbackHook>();
  readonly #state: StateKeeper | null;
  /** Whether the store's state is known to agree with its blocks. */
  #stateChecked = false;
  /** Codec of the newest block. */
  #storedAs: string | null = null;
  #chainId: string | null;
  #closing: Promise<void> | null = null;

  /**
   * Hosts call `openChain`.
   *
   * @throws SyncError `CHAIN_MISMATCH` when the store was made under other rules or for another chain.
   * @internal
   */
  constructor(parts: ChainParts) {
    this.#parts = parts;
    const identity = parts.storage.identity();
    checkIdentity(identity, parts);
    this.#chainId = parts.chainId ?? identity?.chainId ?? null;
    const { storage, stateTransition: transition } = parts;
    // What a transition is given was verified a moment before.
    const decode = (frame: Frame): Block => this.#decode(frame, null);
    this.#state = transition === null ? null : new StateKeeper({ transition, storage, decode });
  }

  /** {@link ChainRules.id} of this chain. */
  get chain(): string {
    return this.#parts.rules.id;
  }

  chainId(): string | null {
    return this.#parts.storage.identity()?.chainId ?? this.#chainId;
  }

  tip(): Checkpoint {
    return this.#parts.storage.checkpoint();
  }

  /**
   * The place the next block has to fit on.
   *
   * @internal
   */
  get place(): NextPlace {
    const { head, base } = this.#parts.storage.checkpoint();
    return { head, base: head === null ? this.#parts.base : base };
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

  #decode({ header, codec, bytes, documentBytes }: Frame, rules: ChainRules | null): Block {
    const limits = { maxOutputBytes: Math.max(documentBytes, 1) };
    return new Block(header, this.#parts.codecs.get(codec).decode(bytes, limits), rules);
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
   * it, agrees with its blocks.
   *
   * @throws SyncError `STATE_FAILED` when there are blocks that no transition saw.
   * @internal
   */
  async checkStore(): Promise<void> {
    const { head } = this.tip();
    if (head !== null) this.#storedAs = (await this.#parts.storage.get(head.height))?.codec ?? null;
    if (this.#state !== null) await checkStateNote(this.#parts.storage, true);
  }

  /**
   * Verifies documents and appends them in one durable batch: all of them or, when one is refused, none.
   *
   * @throws SyncError naming the height of the refused document; `STATE_FAILED` when the state transition fails
   */
  append(documents: readonly Uint8Array[]): Promise<readonly BlockRef[]> {
    return this.#writes.run(async () => {
      const verifier = this.verifier();
      const frames = documents.map((document) => verifier.document(document));
      if (!this.#stateChecked) await this.#checkStateOnce();
      await this.#commit(this.#state === null ? unchanged(frames) : await this.#state.all(frames));
      return frames.map(({ header }) => ({ height: header.height, hash: header.hash }));
    });
  }

  /**
   * Appends frames that a {@link Verifier} of this chain made, in one durable batch; in several where there is a state
   * transition. When that fails, the blocks before are stored.
   *
   * @internal
   */
  commit(frames: readonly Frame[], options: CommitOptions = {}): Promise<void> {
    return this.#writes.run(() => this.#append(frames, options));
  }

  /**
   * Drops every block above `to` and restores the state as it was after `to`, in one durable batch. Followers are told.
   * Not for a chain that an engine is syncing into: the engine rolls back by itself, and fails when somebody else does.
   *
   * @param to - the new head; `null` drops all blocks, of which listeners are told only when new ones come.
   * @returns the dropped blocks, newest first.
   * @throws SyncError `BELOW_FINALIZED` when one of them is final, `STORE_GAP` when `to` is not on this chain; nothing is
   *   changed then.
   */
  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#writes.run(() => this.#rollback(to));
  }

  /**
   * Drops blocks above `to` and appends verified frames in their place, with no other write in between.
   *
   * @param onDropped - runs between the two with the dropped blocks.
   * @internal
   */
  replace(
    to: BlockRef,
    frames: readonly Frame[],
    options: CommitOptions & { readonly onDropped: (dropped: readonly BlockRef[]) => void },
  ): Promise<void> {
    return this.#writes.run(async () => {
      options.onDropped(await this.#rollback(to));
      await this.#append(frames, options);
    });
  }

  /**
   * Calls a hook before each rollback until the returned function is called.
   *
   * @internal
   */
  beforeRollback(hook: RollbackHook): () => void {
    this.#hooks.add(hook);
    return () => {
      this.#hooks.delete(hook);
    };
  }

  /**
   * A verifier that continues this chain from its present head, or from another place on it.
   *
   * @internal
   */
  verifier(place: NextPlace = this.place): Verifier {
    const { rules, codecs, storeCodec, rawBelowBytes, maxBlockBytes } = this.#parts;
    return new Verifier({ rules, codecs, storeCodec, rawBelowBytes, maxBlockBytes }, place);
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
    return this.#writes.run(() => this.#parts.storage.setCursor(consumer, ref));
  }

  /**
   * Names the chain that an empty store will hold. Until it holds a block the name is the last peer's word, unless it was
   * configured.
   *
   * @throws SyncError `CHAIN_MISMATCH` when it has another one.
   * @internal
   */
  adoptChainId(chainId: string): void {
    const known = this.#parts.storage.identity()?.chainId ?? this.#parts.chainId;
    if (known !== null && known !== chainId) {
      throw new SyncError(
        'CHAIN_MISMATCH',
        `This node holds chain ${known}; the peer serves chain ${chainId}.`,
      );
    }
    this.#chainId = chainId;
  }

  storedAs(): string | null {
    return this.#storedAs;
  }

  subscribe(listener: (change: ChainChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Waits for writes under way and closes the store. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writes.idle();
    this.#listeners.clear();
    this.#hooks.clear();
    try {
      await this.#parts.storage.close();
    } finally {
      await this.#parts.onClose();
    }
  }

  /** Looks once, before the first block is added, whether the store's state allows it. */
  async #checkStateOnce(): Promise<void> {
    const { storage } = this.#parts;
    if (await checkStateNote(storage, this.#state !== null))
      await writeStateNote(storage, nextHeight(this.place));
    this.#stateChecked = true;
  }

  async #append(frames: readonly Frame[], options: CommitOptions): Promise<void> {
    if (!this.#stateChecked) await this.#checkStateOnce();
    if (this.#state === null) await this.#commit(unchanged(frames), options);
    else for await (const blocks of this.#state.batches(frames, options)) await this.#commit(blocks, options);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const { storage } = this.#parts;
    if (to === null) return storage.rollback(null);
    const header = await storage.header(to.height);
    if (header?.hash === to.hash) await this.#announce(to);
    const dropped = await storage.rollback({ height: to.height, hash: to.hash });
    if (dropped.length > 0 && header !== null) this.#tell({ kind: 'rollback', to: header });
    return dropped;
  }

  /** Runs the hooks, unless the store is going to refuse the rollback. */
  async #announce(to: BlockRef): Promise<void> {
    const { storage } = this.#parts;
    const { head, finalized } = storage.checkpoint();
    if (this.#hooks.size === 0 || head === null || to.height < (finalized?.height ?? 0)) return;
    const dropped = await this.#refs(to.height + 1, head.height);
    for (const hook of [...this.#hooks]) await hook(to, dropped, storage);
  }

  /** Refs of blocks, newest first. */
  async #refs(from: number, to: number): Promise<readonly BlockRef[]> {
    const refs: BlockRef[] = [];
    for (let height = to; height >= from; height--) {
      const header = await this.#parts.storage.header(height);
      if (header !== null) refs.push({ height, hash: header.hash });
    }
    return refs;
  }

  /** The newest final block once a batch is in the store; `null` leaves it as it is. */
  async #finalized(frames: readonly Frame[], head: BlockRef): Promise<BlockRef | null> {
    const { storage, finality } = this.#parts;
    const height = finalHeight(finality, head, this);
    const { finalized } = storage.checkpoint();
    if (height === null || (finalized !== null && height <= finalized.height)) return null;
    const frame = frames.find(({ header }) => header.height === height);
    const header = frame?.header ?? (await storage.header(height));
    return header === null ? null : { height, hash: header.hash };
  }

  #tell(change: ChainChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }

  async #commit(blocks: readonly CommitBlock[], { onDurable }: CommitOptions = {}): Promise<void> {
    const first = blocks[0]?.frame;
    const last = blocks.at(-1)?.frame;
    if (first === undefined || last === undefined) return;
    const { storage, rules } = this.#parts;
    const identity = { chain: rules.id, chainId: this.#chainId ?? first.header.hash };
    const frames = blocks.map(({ frame }) => frame);
    const finalized = await this.#finalized(frames, last.header);
    await storage.commit({ blocks, finalized, identity });
    this.#storedAs = last.codec;
    this.#tell({ kind: 'extend', frames });
    onDurable?.(frames);
  }
}

/** Blocks of a chain that keeps no state. */
function unchanged(frames: readonly Frame[]): readonly CommitBlock[] {
  return frames.map((frame) => ({ frame, changes: [] }));
}

function checkIdentity(identity: ChainIdentity | null, parts: ChainParts): void {
  if (identity === null) return;
  if (identity.chain !== parts.rules.id) {
    const message = `The store was made with the rules ${identity.chain}, not ${parts.rules.id}.`;
    throw new SyncError('CHAIN_MISMATCH', message);
  }
  if (parts.chainId !== null && parts.chainId !== identity.chainId) {
    throw new SyncError('CHAIN_MISMATCH', `The store holds chain ${identity.chainId}, not ${parts.chainId}.`);
  }
}
