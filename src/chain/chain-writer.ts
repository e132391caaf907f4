import type {
  AbortOptions,
  BlockRef,
  ChainChange,
  Checkpoint,
  CommitBlock,
  Frame,
  Storage,
} from '../contracts/index.js';
import { WriteQueue } from '../internal/write-queue.js';
import { type AppendPoint, nextHeight } from './links.js';
import type { Pins } from './pins.js';
import type { StateKeeper } from './state/state-keeper.js';
import { checkStateNote, writeStateNote } from './state/state-note.js';

/**
 * Options of `Chain.commit`. The signal is heard between two batches.
 *
 * @internal
 */
export interface CommitOptions extends AbortOptions {
  /** Runs after each batch with what is durable now. */
  readonly onDurable?: (frames: readonly Frame[]) => void;
}

/**
 * Options of `Chain.replace`.
 *
 * @internal
 */
export interface ReplaceOptions extends CommitOptions {
  /** Runs between the rollback and the new blocks with the dropped ones, newest first. */
  readonly onDropped: (dropped: readonly BlockRef[]) => void;
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

/** Dependencies of a {@link ChainWriter}. */
export interface ChainWriterDeps {
  readonly storage: Storage;
  /** Blocks that are never dropped. */
  readonly pins: Pins;
  /** Id of the chain's rules. */
  readonly rules: string;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** What keeps the state; `null` when nothing does. */
  readonly state: StateKeeper | null;
  /** Name of the chain; `null` for the hash of its first block. */
  chainId(): string | null;
  /** The height that is final once a block is the newest; `null` when none is. */
  finalHeight(head: BlockRef): number | null;
}

/** All writes of a chain, one after the other: blocks that come and go, with their state, and who is told of them. */
export class ChainWriter {
  readonly #deps: ChainWriterDeps;
  readonly #queue = new WriteQueue();
  readonly #listeners = new Set<(change: ChainChange) => void>();
  readonly #hooks = new Set<RollbackHook>();
  /** Whether the store's state is known to agree with its blocks. */
  #stateChecked = false;
  /** Codec of the newest block. */
  #storedAs: string | null = null;

  constructor(deps: ChainWriterDeps) {
    this.#deps = deps;
  }

  /** Codec of the newest block; `null` when there is none. */
  get storedAs(): string | null {
    return this.#storedAs;
  }

  /** The point that the next block is appended at. */
  get appendPoint(): AppendPoint {
    const { head, base }: Checkpoint = this.#deps.storage.checkpoint();
    return { head, base: head === null ? this.#deps.base : base };
  }

  /** Calls a listener with each change until the returned function is called. */
  subscribe(listener: (change: ChainChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Calls a hook before each rollback until the returned function is called. */
  beforeRollback(hook: RollbackHook): () => void {
    this.#hooks.add(hook);
    return () => {
      this.#hooks.delete(hook);
    };
  }

  /** Looks at what is in the store. @throws SyncError `STATE_FAILED` when there are blocks that no transition saw. */
  async checkStore(): Promise<void> {
    const { storage, state } = this.#deps;
    const { head } = storage.checkpoint();
    if (head !== null) this.#storedAs = (await storage.get(head.height))?.codec ?? null;
    if (state !== null) await checkStateNote(storage, true);
  }

  /** Makes frames when it is their turn, and adds them in one batch: all of them, or none. */
  append(make: () => readonly Frame[]): Promise<readonly Frame[]> {
    return this.#queue.run(async () => {
      const frames = make();
      const { state } = this.#deps;
      if (!this.#stateChecked) await this.#checkState();
      await this.#commit(state === null ? unchanged(frames) : await state.all(frames));
      return frames;
    });
  }

  /** Adds frames: in one batch, in several where there is a state. */
  commit(frames: readonly Frame[], options: CommitOptions): Promise<void> {
    return this.#queue.run(() => this.#add(frames, options));
  }

  /** Drops the blocks above `to`. @returns them, newest first. @throws SyncError `BELOW_FINALIZED`, `STORE_GAP` */
  rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    return this.#queue.run(() => this.#rollback(to));
  }

  /** Drops the blocks above `to` and adds others, with no other write in between. */
  replace(to: BlockRef, frames: readonly Frame[], options: ReplaceOptions): Promise<void> {
    return this.#queue.run(async () => {
      options.onDropped(await this.#rollback(to));
      await this.#add(frames, options);
    });
  }

  /** Saves where a consumer has got to. */
  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#queue.run(() => this.#deps.storage.setCursor(consumer, ref));
  }

  /** Waits for the writes under way; nobody is told anything afterwards. */
  async close(): Promise<void> {
    await this.#queue.idle();
    this.#listeners.clear();
    this.#hooks.clear();
  }

  /** Looks once, before the first block is added, whether the store's state allows it. */
  async #checkState(): Promise<void> {
    const { storage, state } = this.#deps;
    if (await checkStateNote(storage, state !== null))
      await writeStateNote(storage, nextHeight(this.appendPoint));
    this.#stateChecked = true;
  }

  async #add(frames: readonly Frame[], options: CommitOptions): Promise<void> {
    const { state } = this.#deps;
    if (!this.#stateChecked) await this.#checkState();
    if (state === null) await this.#commit(unchanged(frames), options);
    else for await (const blocks of state.batches(frames, options)) await this.#commit(blocks, options);
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const { storage, pins } = this.#deps;
    pins.checkRollback(to?.height ?? -1, storage.checkpoint());
    if (to === null) return storage.rollback(null);
    const header = await storage.header(to.height);
    if (header?.hash === to.hash) await this.#announce(to);
    const dropped = await storage.rollback({ height: to.height, hash: to.hash });
    if (dropped.length > 0 && header !== null) this.#tell({ kind: 'rollback', to: header });
    return dropped;
  }

  /** Runs the hooks, unless the store is going to refuse the rollback. */
  async #announce(to: BlockRef): Promise<void> {
    const { storage } = this.#deps;
    const { head, finalized } = storage.checkpoint();
    if (this.#hooks.size === 0 || head === null || to.height < (finalized?.height ?? 0)) return;
    const dropped = await this.#refs(to.height + 1, head.height);
    for (const hook of [...this.#hooks]) await hook(to, dropped, storage);
  }

  /** Refs of blocks, newest first. */
  async #refs(from: number, to: number): Promise<readonly BlockRef[]> {
    const refs: BlockRef[] = [];
    for (let height = to; height >= from; height--) {
      const header = await this.#deps.storage.header(height);
      if (header !== null) refs.push({ height, hash: header.hash });
    }
    return refs;
  }

  /** The newest final block once a batch is in the store; `null` leaves it as it is. */
  async #finalized(frames: readonly Frame[], head: BlockRef): Promise<BlockRef | null> {
    const { storage } = this.#deps;
    const height = this.#deps.finalHeight(head);
    const { finalized } = storage.checkpoint();
    if (height === null || (finalized !== null && height <= finalized.height)) return null;
    const frame = frames.find(({ header }) => header.height === height);
    const header = frame?.header ?? (await storage.header(height));
    return header === null ? null : { height, hash: header.hash };
  }

  async #commit(blocks: readonly CommitBlock[], { onDurable }: CommitOptions = {}): Promise<void> {
    const first = blocks[0]?.frame;
    const last = blocks.at(-1)?.frame;
    if (first === undefined || last === undefined) return;
    const { storage, rules } = this.#deps;
    const identity = { chain: rules, chainId: this.#deps.chainId() ?? first.header.hash };
    const frames = blocks.map(({ frame }) => frame);
    const finalized = await this.#finalized(frames, last.header);
    await storage.commit({ blocks, finalized, identity });
    this.#storedAs = last.codec;
    this.#tell({ kind: 'extend', frames });
    onDurable?.(frames);
  }

  #tell(change: ChainChange): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}

/** Blocks of a chain that keeps no state. */
function unchanged(frames: readonly Frame[]): readonly CommitBlock[] {
  return frames.map((frame) => ({ frame, changes: [] }));
}
