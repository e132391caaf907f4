import type {
  Authorship,
  BlockRef,
  BlockSource,
  ChainChange,
  Closeable,
  Frame,
  StateTransition,
  StorageLag,
  StorageRole,
  VerifiedTile,
  VerifyTile,
} from '../contracts/index.js';
import type { AppendPoint } from '../internal/links.js';
import { checkDocuments, checkPlace } from './arguments.js';
import { Block } from './block.js';
import { ChainListeners, type RollbackHook } from './chain-listeners.js';
import { ChainReads, type ReadParts } from './chain-reads.js';
import { ChainTally } from './chain-tally.js';
import { ChainWriter, type CommitOptions } from './chain-writer.js';
import { Equivocations, type Equivocation } from './evidence.js';
import type { Pins } from './pins.js';
import type { BlockProducer, MakeProducer } from './produce/block-producer.js';
import type { BlockRecord } from './produce/records.js';
import type { ProducedOf, ProduceOptions } from './produce/requests.js';
import type { ProduceSettings } from './produce/settings.js';
import { EACH, type Producers, type SignedFrom, VOUCHED } from './producers.js';
import { checkPrune, type Pruned, type PruneOptions } from './prune.js';
import { Settlement } from './settlement.js';
import { StateKeeper } from './state/state-keeper.js';
import type { StorageEncoding } from './storage-encoding.js';
import { StoredValidators } from './stored-validators.js';
import { StoredName } from './stored-name.js';
import { Verifier } from './verifier.js';

/** Parts of a {@link Chain}. The storage is open and belongs to the chain from then on. */
export interface ChainParts extends ReadParts {
  readonly encoding: StorageEncoding;
  /** The chain's name when the host gives one; `null` takes the store's, or the first block's hash. */
  readonly chainId: string | null;
  /** Blocks that the host knows. */
  readonly pins: Pins;
  /** Who may write blocks; `null` when anybody may. */
  readonly producers: Producers | null;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /**
   * Makes what produces blocks; `null` where they are only taken.
   *
   * @internal
   */
  readonly producer: MakeProducer | null;
  /** How blocks are produced. */
  readonly produce: ProduceSettings;
  readonly verifyTile: VerifyTile;
  /** What blocks do to the state; `null` when there is none. */
  readonly stateTransition: StateTransition | null;
  /** Up to where blocks can't be rolled back once a block is confirmed; `null` for none but those of a snapshot. */
  readonly finalHeight: (confirmed: BlockRef, chain: Chain) => number | null;
  /** Whether a verified block counts as confirmed; else peers have to have it, or the host appended it. */
  readonly confirmsVerified: boolean;
  /** Whether all that the store has already counts as confirmed; else what it says is. */
  readonly confirmsStored: boolean;
  /** Confirmed blocks that a branch may take the place of. */
  readonly maxRollbackBlocks: number;
  /** Runs after the storage was closed. */
  readonly onClose: () => Promise<void>;
}

/**
 * A verified chain in a store: append blocks, read them, serve them. Whatever is in it was checked on the way in.
 */
export class Chain extends ChainReads implements BlockSource, Closeable {
  /**
   * What it has done since it was opened.
   *
   * @internal
   */
  readonly tally = new ChainTally();
  readonly #parts: ChainParts;
  readonly #listeners = new ChainListeners();
  readonly #settlement: Settlement;
  readonly #writer: ChainWriter;
  /** `null` where blocks are only taken. */
  readonly #producer: BlockProducer | null;
  /** `null` where anybody may write. */
  readonly #equivocations: Equivocations | null;
  readonly #name: StoredName;
  /** Checked here, and linked to nothing yet. */
  readonly #checkedTiles = new WeakSet<VerifiedTile>();
  readonly #validators: StoredValidators;
  #onlyReads = false;
  #closing: Promise<void> | null = null;

  /**
   * Hosts call `openChain`.
   *
   * @throws SyncError `CHAIN_MISMATCH` when the store was made under other rules or for another chain.
   * @internal
   */
  constructor(parts: ChainParts) {
    const name = new StoredName(parts);
    super(parts, name);
    this.#parts = parts;
    this.#name = name;
    const { storage, rules, base, pins, producers, evidence: shelf } = parts;
    const decode = (frame: Frame): Uint8Array => this.documentOf(frame);
    this.#equivocations =
      producers === null ? null : new Equivocations({ storage, producers, shelf, decode });
    this.#validators = new StoredValidators({
      ...{ rules, storage, maxRollbackBlocks: parts.maxRollbackBlocks },
      read: (from, to) => this.#documents(from, to),
    });
    this.#settlement = new Settlement({
      ...{ storage, digestsTiles: this.digestsTiles },
      ...{ confirmsStored: parts.confirmsStored, maxRollbackBlocks: parts.maxRollbackBlocks },
      finalHeight: (confirmed) => parts.finalHeight(confirmed, this),
    });
    this.#writer = new ChainWriter({
      storage,
      settlement: this.#settlement,
      tally: this.tally,
      listeners: this.#listeners,
      pins,
      producers,
      rules: rules.id,
      base,
      state: this.#stateKeeper(),
      confirmsVerified: parts.confirmsVerified,
      chainId: () => this.#name.forEmpty,
      onTakenOver: () => (this.#onlyReads ? Promise.resolve() : this.#validators.load()),
    });
    this.#listeners.subscribe((change) => {
      if (change.kind === 'rollback') this.#validators.dropAbove(change.to.height);
    });
    this.#producer =
      parts.producer?.({
        ...{ rules, storage, decode },
        settings: parts.produce,
        writer: this.#writer,
        isSigned: (height) => producers?.asksAt(height) === true,
        verifier: (point) => this.verifier(point, EACH),
      }) ?? null;
  }

  /** What is proved of each block that it takes: {@link ChainRules.proves}. */
  get proves(): readonly string[] {
    return this.#parts.rules.proves ?? ['links'];
  }

  /**
   * Whether the names of its tiles have a digest of their documents, since hashes leave bytes open.
   *
   * @internal
   */
  get digestsTiles(): boolean {
    return this.#parts.rules.covers !== 'document';
  }

  /** How it is known who made a block: as {@link ChainRules.authorship}, and `pinned` where `producers` say who may. */
  get authorship(): Authorship {
    const { rules, producers } = this.#parts;
    return producers === null ? (rules.authorship ?? 'none') : 'pinned';
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
   * Looks at what is in the store: in which codec its newest block is, and whether its state, if a transition is to keep
   * it, agrees with its blocks. Notes what counts as confirmed and as final by the present configuration.
   *
   * @param onlyReads - no block will be added: what a next one would build on is not looked for. Default false.
   * @throws SyncError `STATE_FAILED` when there are blocks that no transition saw; `CHAIN_MISMATCH` for blocks that the rules
   *   would not take, as they are configured now.
   * @internal
   */
  async checkStore({ onlyReads = false }: { readonly onlyReads?: boolean } = {}): Promise<void> {
    this.#onlyReads = onlyReads;
    await this.#writer.checkStore();
    if (!onlyReads) await this.#validators.load();
  }

  /**
   * Waits for writes under way, and for what has to be read before the first one of a process that has taken the store over.
   *
   * @internal
   */
  settled(): Promise<void> {
    return this.#writer.idle();
  }

  async *#documents(from: number, to: number): AsyncGenerator<readonly Uint8Array[], void, undefined> {
    for await (const frames of this.read({ from, to })) yield frames.map((frame) => this.documentOf(frame));
  }

  /**
   * Verifies documents and appends them in one durable batch: all of them or, when one is refused, none.
   *
   * @throws TypeError for what is not an array of bytes.
   * @throws SyncError naming the height of the refused document; `STATE_FAILED` when the state transition fails;
   *   `ENGINE_WRITES` while an engine syncs into this chain
   */
  async append(documents: readonly Uint8Array[]): Promise<readonly BlockRef[]> {
    checkDocuments(documents);
    const frames = await this.#writer.append(async () => {
      const point = this.appendPoint;
      if (point.head !== null) await this.#validators.know(point.head);
      const verifier = this.verifier(point, EACH);
      return { frames: documents.map((document) => verifier.document(document)), notes: NO_NOTES };
    });
    return frames.map(({ header }) => ({ height: header.height, hash: header.hash }));
  }

  /**
   * Makes a block of each record on the head, signs it where `produce.signer` is given, and appends it. Resolves with the
   * refs once the blocks are durable. It may be called at any time and any number of times at once: what is asked for while a
   * batch is written goes into the next one.
   *
   * The blocks come in the order of the calls, those of one call directly behind each other and all of them or none. The bytes of
   * a record stand in its block as they were given; an object is what `JSON.stringify` makes of it.
   *
   * @throws TypeError for what is no record, and on a chain whose rules make no blocks, or where `producers` asks for
   *   signatures and there is no signer.
   * @throws SyncError `BLOCK_MALFORMED`, `BLOCK_TOO_LARGE` for a record that can't go into a block; `PRODUCE_BUSY` when too
   *   much waits; `KEY_REUSED` when the idempotency key came before with other records, `BELOW_BASE` when their blocks are not
   *   held any more; `ENGINE_WRITES` while an engine syncs into this chain; `STATE_FAILED`; `ABORTED` when the signal fires
   *   while the call waits; `STORE_*`, of which only `STORE_UNAVAILABLE` leaves open whether the blocks are stored: a chain
   *   that is opened again and asked with the same idempotency key knows.
   */
  async produce<R extends BlockRecord | readonly BlockRecord[]>(
    records: R,
    options: ProduceOptions = {},
  ): Promise<ProducedOf<R>> {
    if (this.#producer === null) throw new TypeError("Blocks can't be produced on this platform.");
    return (await this.#producer.produce(records, options)) as ProducedOf<R>;
  }

  /**
   * Says that an engine adds the blocks from now on and nobody else does, until the returned function is called.
   *
   * @internal
   */
  claim(): () => void {
    return this.#writer.claim();
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
    const dropped = await this.#writer.rollback(to);
    if (to === null) this.#validators.dropAbove(-1);
    return dropped;
  }

  /**
   * Drops the oldest blocks: all but the newest `keep`, or all below `before`. Never one above the newest settled block, which is
   * the newest final one, or a confirmed one that is `maxRollbackBlocks` below the head; and down to a multiple of 1,024, so
   * that peers have the same tiles. The new base is final from then on. State, positions of consumers and idempotency keys stay.
   * It may be called while the chain is written, served or synced into; after a crash the store begins somewhere between.
   *
   * Peers that ask for a block that is gone get `BELOW_BASE`, and so does a consumer that has not had it yet. Copies of the
   * blocks elsewhere, as backups, snapshots and other nodes, stay as they are.
   *
   * @throws TypeError unless exactly one of `keep` and `before` says what goes, and for a storage that can't.
   * @throws SyncError `STORE_READ_ONLY` in a process that only reads the store; other `STORE_*`. What went until then is gone.
   */
  async prune(options: PruneOptions): Promise<Pruned> {
    checkPrune(options);
    return this.#writer.prune(options);
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
    return this.#settlement.tilesMade();
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
   * Finds out which validators a block of this chain has left, before a {@link Verifier} continues from it.
   *
   * @internal
   */
  knowValidators(ref: BlockRef): Promise<void> {
    return this.#validators.know(ref);
  }

  /**
   * A verifier that continues this chain from its present head, or from another point on it, of which
   * {@link Chain.knowValidators} was asked where that is further down.
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
    await this.#producer?.close();
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
    const decode = (frame: Frame): Block => new Block(frame.header, this.documentOf(frame), null);
    return transition === null ? null : new StateKeeper({ transition, storage, decode });
  }
}

const NO_NOTES = new Map<number, never>();
