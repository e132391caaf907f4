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
  Frame,
  Storage,
  StorageView,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { Block } from './block.js';
import type { NextPlace } from './links.js';
import { Verifier } from './verifier.js';
import { WriteQueue } from '../internal/write-queue.js';

/** Parts of a {@link Chain}. The storage is open and belongs to the chain from then on. */
export interface ChainParts {
  readonly storage: Storage;
  readonly rules: ChainRules;
  readonly codecs: CodecRegistry;
  readonly storeCodec: Codec;
  /** The chain's name when the host gives one; `null` takes the store's, or the first block's hash. */
  readonly chainId: string | null;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** Largest decoded block, in bytes. */
  readonly maxBlockBytes: number;
  /** Runs after the storage was closed. */
  readonly onClose: () => Promise<void>;
}

/**
 * A verified chain in a store: append blocks, read them, serve them. Whatever is in it was checked on the way in.
 */
export class Chain implements BlockSource, Closeable {
  readonly #parts: ChainParts;
  readonly #writes = new WriteQueue();
  readonly #listeners = new Set<(change: ChainChange) => void>();
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

  /** The block in a frame of this chain. */
  decode(frame: Frame): Block {
    const limits = { maxOutputBytes: Math.max(frame.documentBytes, 1) };
    return new Block(frame.header, this.#parts.codecs.get(frame.codec).decode(frame.bytes, limits));
  }

  /**
   * Verifies documents and appends them in one durable batch: all of them or, when one is refused, none.
   *
   * @throws SyncError naming the height of the refused document
   */
  append(documents: readonly Uint8Array[]): Promise<readonly BlockRef[]> {
    return this.#writes.run(async () => {
      const verifier = this.verifier();
      const frames = documents.map((document) => verifier.document(document));
      await this.#commit(frames);
      return frames.map(({ header }) => ({ height: header.height, hash: header.hash }));
    });
  }

  /**
   * Appends frames that a {@link Verifier} of this chain made, in one durable batch.
   *
   * @internal
   */
  commit(frames: readonly Frame[]): Promise<void> {
    return this.#writes.run(() => this.#commit(frames));
  }

  /**
   * A verifier that continues this chain from its present head.
   *
   * @internal
   */
  verifier(): Verifier {
    const { rules, codecs, storeCodec, maxBlockBytes } = this.#parts;
    return new Verifier({ rules, codecs, storeCodec, maxBlockBytes }, this.place);
  }

  view(): Promise<StorageView> {
    return this.#parts.storage.view();
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
   * Names the chain that an empty store will hold, unless it has a name.
   *
   * @throws SyncError `CHAIN_MISMATCH` when it has another one.
   * @internal
   */
  adoptChainId(chainId: string): void {
    const known = this.chainId();
    if (known !== null && known !== chainId) {
      throw new SyncError(
        'CHAIN_MISMATCH',
        `This node holds chain ${known}; the peer serves chain ${chainId}.`,
      );
    }
    this.#chainId = chainId;
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
    try {
      await this.#parts.storage.close();
    } finally {
      await this.#parts.onClose();
    }
  }

  async #commit(frames: readonly Frame[]): Promise<void> {
    const first = frames[0];
    if (first === undefined) return;
    const { storage, rules } = this.#parts;
    const identity = { chain: rules.id, chainId: this.#chainId ?? first.header.hash };
    const blocks = frames.map((frame) => ({ frame, changes: [] }));
    await storage.commit({ blocks, finalized: null, identity });
    for (const listener of [...this.#listeners]) listener({ kind: 'extend', frames });
  }
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
