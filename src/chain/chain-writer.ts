import type {
  AbortOptions,
  BlockRef,
  ChainChange,
  Checkpoint,
  CommitBlock,
  CommitTile,
  Frame,
  Storage,
} from '../contracts/index.js';
import { SyncError } from '../errors/index.js';
import { WriteQueue } from '../internal/write-queue.js';
import { type NewBlocks, noted, unchanged, within } from './batch-blocks.js';
import type { ChainTally } from './chain-tally.js';
import type { ChainListeners } from './chain-listeners.js';
import { type AppendPoint, nextHeight } from '../internal/links.js';
import type { Pins } from './pins.js';
import type { Producers } from './producers.js';
import { planPruning, type Pruned, pruneOf, type PruneOptions, pruneSteps } from './prune.js';
import type { Settlement } from './settlement.js';
import type { StateKeeper } from './state/state-keeper.js';
import { checkStateNote, writeStateNote } from './state/state-note.js';

/**
 * Options of `Chain.commit`. The signal is heard between two batches.
 */
export interface CommitOptions extends AbortOptions {
  /** Tiles whose blocks are all among the frames. */
  readonly tiles?: readonly CommitTile[];
  /** Runs after each batch with what is durable now, and the tiles that went into it whole. */
  readonly onDurable?: (frames: readonly Frame[], tiles: readonly CommitTile[]) => void;
}

/** Dependencies of a {@link ChainWriter}. */
export interface ChainWriterDeps {
  readonly storage: Storage;
  /** What is confirmed, final and settled. */
  readonly settlement: Settlement;
  readonly listeners: ChainListeners;
  readonly tally: ChainTally;
  /** Blocks that are never dropped. */
  readonly pins: Pins;
  /** Who may write blocks; `null` when anybody may. */
  readonly producers: Producers | null;
  /** Id of the chain's rules. */
  readonly rules: string;
  /** Height of the first block of an empty store. */
  readonly base: number;
  /** What keeps the state; `null` when nothing does. */
  readonly state: StateKeeper | null;
  /** Whether a verified block counts as confirmed; else `confirm` says which do, and what the host appends. */
  readonly confirmsVerified: boolean;
  /** Name of the chain; `null` for the hash of its first block. */
  chainId(): string | null;
  /** Runs when this process has become the one that writes the store, before its first write. */
  onTakenOver(): Promise<void>;
}

/** All writes of a chain, one after the other: blocks that come and go, with their state. */
export class ChainWriter {
  readonly #deps: ChainWriterDeps;
  readonly #queue = new WriteQueue();
  /** Whether the store's state is known to agree with its blocks. */
  #stateChecked = false;
  /** Codec of the newest block. */
  #storedAs: string | null = null;
  #unwatch = (): void => undefined;
  #drops = 0;
  /** Whether an engine writes, and nobody else may add blocks. */
  #isClaimed = false;

  constructor(deps: ChainWriterDeps) {
    this.#deps = deps;
  }

  /** Codec of the newest block; `null` when there is none. */
  get storedAs(): string | null {
    return this.#storedAs;
  }

  /** How many times blocks were dropped. */
  get drops(): number {
    return this.#drops;
  }

  /** From now on an engine writes this chain, until the returned function is called. */
  claim(): () => void {
    this.#isClaimed = true;
    return () => {
      this.#isClaimed = false;
    };
  }

  /** @throws SyncError `ENGINE_WRITES` while an engine writes this chain. */
  checkOwner(): void {
    if (!this.#isClaimed) return;
    throw new SyncError(
      'ENGINE_WRITES',
      'An engine syncs into this chain; nothing else adds blocks meanwhile.',
    );
  }

  /** The point that the next block is appended at. */
  get appendPoint(): AppendPoint {
    const { head, base }: Checkpoint = this.#deps.storage.checkpoint();
    return { head, base: head === null ? this.#deps.base : base };
  }

  /** Looks at what is in the store. @throws SyncError `STATE_FAILED` when there are blocks that no transition saw. */
  async checkStore(): Promise<void> {
    const { storage, state } = this.#deps;
    const { head } = storage.checkpoint();
    if (head !== null) this.#storedAs = (await storage.get(head.height))?.codec ?? null;
    if (state !== null) await checkStateNote(storage, true);
    const stops = [
      storage.watch?.((change) => {
        this.#followed(change);
      }),
      storage.roles?.watch((role) => {
        if (role === 'writer') this.#takenOver();
      }),
    ];
    this.#unwatch = () => {
      for (const stop of stops) stop?.();
    };
    // What another process writes, that one settles.
    if (storage.watch !== undefined && storage.roles?.now !== 'writer') return;
    await this.#deps.settlement.catchUp();
    this.#deps.settlement.makeTiles();
  }

  /** The writer before may have had another configuration, and may have been ended at any point. */
  #takenOver(): void {
    this.#stateChecked = false;
    this.#queue
      .run(async () => {
        await this.#deps.onTakenOver();
        await this.#deps.settlement.catchUp();
      })
      .then(
        () => {
          this.#deps.settlement.makeTiles();
        },
        // The next write fails too if the store can't be written to.
        () => undefined,
      );
  }

  /** Hears no more of what another process writes. */
  unwatch(): void {
    this.#unwatch();
  }

  /** Another process has changed the store. */
  #followed(change: ChainChange | null): void {
    if (change?.kind === 'extend') this.#storedAs = change.frames.at(-1)?.codec ?? this.#storedAs;
    if (change === null) this.#deps.listeners.confirmed();
    else this.#deps.listeners.tell(change);
  }

  /** Makes new blocks when it is their turn, and adds them in one batch: all of them, or none. @throws SyncError `ENGINE_WRITES` */
  append(make: () => NewBlocks | Promise<NewBlocks>): Promise<readonly Frame[]> {
    return this.#queue.run(async () => {
      this.checkOwner();
      const { frames, notes } = await make();
      const { state, producers } = this.#deps;
      producers?.vouch(frames);
      if (!this.#stateChecked) await this.#checkState();
      const blocks = state === null ? unchanged(frames) : await state.all(frames);
      await this.#commit(noted(blocks, notes), {}, true);
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

  /**
   * Puts other blocks in the place of those above `to`, in one batch: when the state transition fails, or the process
   * ends, the old ones are there.
   *
   * @returns the dropped blocks, newest first.
   * @throws SyncError `BELOW_FINALIZED`, `STORE_GAP`, `STATE_FAILED`
   */
  replace(to: BlockRef, frames: readonly Frame[], options: CommitOptions = {}): Promise<readonly BlockRef[]> {
    return this.#queue.run(() => this.#replace(to, frames, options));
  }

  /**
   * Notes that a block is confirmed, and what that makes final. A block that is not on the chain any more changes
   * nothing.
   */
  confirm(ref: BlockRef): Promise<void> {
    return this.#queue.run(() => this.#confirm(ref));
  }

  /** Saves where a consumer has got to. */
  setCursor(consumer: string, ref: BlockRef): Promise<void> {
    return this.#queue.run(() => this.#deps.storage.setCursor(consumer, ref));
  }

  /** Drops old blocks, a step in each turn of a write. @returns what went, also when a later step fails and this is called again */
  async prune(options: PruneOptions): Promise<Pruned> {
    const { storage, settlement } = this.#deps;
    const prune = pruneOf(storage);
    const plan = await this.#queue.run(() =>
      Promise.resolve(planPruning(storage.checkpoint(), options, settlement.height)),
    );
    if (options.dryRun === true) return plan;
    for (const height of pruneSteps(plan))
      await this.#queue.run(async () => {
        const header = await storage.header(height);
        if (header !== null) await prune({ height, hash: header.hash });
      });
    return plan;
  }

  /** Waits for the writes under way. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  /** Looks once, before the first block is added, whether the store's state allows it. */
  async #checkState(): Promise<void> {
    const { storage, state } = this.#deps;
    if (await checkStateNote(storage, state !== null))
      await writeStateNote(storage, nextHeight(this.appendPoint));
    this.#stateChecked = true;
  }

  async #add(frames: readonly Frame[], options: CommitOptions): Promise<void> {
    const { state, producers } = this.#deps;
    producers?.vouch(frames);
    if (!this.#stateChecked) await this.#checkState();
    if (state === null) await this.#commit(unchanged(frames), options);
    else for await (const blocks of state.batches(frames, options)) await this.#commit(blocks, options);
  }

  async #replace(
    to: BlockRef,
    frames: readonly Frame[],
    options: CommitOptions,
  ): Promise<readonly BlockRef[]> {
    const { storage, state, pins, producers } = this.#deps;
    pins.checkRollback(to.height, storage.checkpoint());
    producers?.vouch(frames);
    const header = await storage.header(to.height);
    const { head } = storage.checkpoint();
    // What can't be gone back to is refused by the store, with the right code.
    const dropped =
      header?.hash === to.hash && head !== null ? await this.#refs(to.height + 1, head.height) : [];
    const blocks = state === null ? unchanged(frames) : await state.all(frames, await storage.stateAfter(to));
    if (header?.hash === to.hash) await this.#announce(to, dropped);
    this.#drops += 1;
    const stored = await this.#store(blocks, to, [], this.#deps.confirmsVerified);
    if (dropped.length > 0 && header !== null) this.#deps.listeners.tell({ kind: 'rollback', to: header });
    this.#told(stored, options);
    return dropped;
  }

  async #confirm(ref: BlockRef): Promise<void> {
    if (!(await this.#deps.settlement.confirm(ref))) return;
    this.#deps.settlement.makeTiles();
    this.#deps.listeners.confirmed();
  }

  async #rollback(to: BlockRef | null): Promise<readonly BlockRef[]> {
    const { storage, pins } = this.#deps;
    pins.checkRollback(to?.height ?? -1, storage.checkpoint());
    this.#drops += 1;
    if (to === null) return storage.rollback(null);
    const header = await storage.header(to.height);
    const { head } = storage.checkpoint();
    if (this.#deps.listeners.hasHooks && header?.hash === to.hash && head !== null)
      await this.#announce(to, await this.#refs(to.height + 1, head.height));
    const dropped = await storage.rollback({ height: to.height, hash: to.hash });
    if (dropped.length > 0 && header !== null) this.#deps.listeners.tell({ kind: 'rollback', to: header });
    return dropped;
  }

  /** Runs the hooks, unless the store is going to refuse the rollback. */
  async #announce(to: BlockRef, dropped: readonly BlockRef[]): Promise<void> {
    const { storage } = this.#deps;
    const { finalized } = storage.checkpoint();
    if (to.height < (finalized?.height ?? 0)) return;
    await this.#deps.listeners.announce(to, dropped, storage);
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

  async #commit(
    blocks: readonly CommitBlock[],
    options: CommitOptions,
    isConfirmed = this.#deps.confirmsVerified,
  ): Promise<void> {
    if (blocks.length === 0) return;
    const tiles = within(options.tiles ?? [], blocks);
    this.#told(await this.#store(blocks, null, tiles, isConfirmed), options);
  }

  async #store(
    blocks: readonly CommitBlock[],
    rollbackTo: BlockRef | null,
    tiles: readonly CommitTile[],
    isConfirmed: boolean,
  ): Promise<Stored> {
    const first = blocks[0]?.frame.header;
    const last = blocks.at(-1)?.frame;
    if (first === undefined || last === undefined) throw new TypeError('A batch needs at least one block.');
    const { storage, rules, settlement } = this.#deps;
    const identity = { chain: rules, chainId: this.#deps.chainId() ?? first.hash };
    const confirmed = isConfirmed ? { height: last.header.height, hash: last.header.hash } : null;
    const frames = blocks.map(({ frame }) => frame);
    const finalized = confirmed === null ? null : await settlement.finalAfter(frames, confirmed);
    const startedMs = performance.now();
    await storage.commit({ rollbackTo, blocks, tiles, confirmed, finalized, identity });
    this.#deps.tally.commit.add(performance.now() - startedMs);
    this.#storedAs = last.codec;
    this.#deps.settlement.makeTiles();
    return { frames, tiles };
  }

  #told({ frames, tiles }: Stored, { onDurable }: CommitOptions): void {
    this.#deps.listeners.tell({ kind: 'extend', frames });
    onDurable?.(frames, tiles);
  }
}

/** What a batch has made durable. */
interface Stored {
  readonly frames: readonly Frame[];
  readonly tiles: readonly CommitTile[];
}
