import type { BlockRef } from '../../contracts/index.js';
import { isSyncError, SyncError } from '../../errors/index.js';
import { abortError, onAbort, throwIfAborted } from '../../internal/abort.js';
import { WakeUp } from '../../internal/wake-up.js';
import type { Block } from '../block.js';
import type { Chain } from '../chain.js';
import { hostPosition, type Position, StoredPosition } from './position.js';
import { noteRollback, readRollback } from './rollback-note.js';

/**
 * Called with one block after the other; the next one comes when the promise has resolved.
 *
 * @param signal - fires when the run is called off: a handler that waits for something should give it up. One that has
 *   not ended 5 seconds later is left behind; its block counts as not handled.
 */
export type BlockHandler = (block: Block, signal: AbortSignal) => void | Promise<void>;

/**
 * Called when blocks that the handler has had were dropped: everything above `to` is void.
 *
 * @param dropped - those that the handler has had, newest first; after a crash the first ones may be some that it has
 *   not had.
 * @param to - the newest block that still stands; the next block comes above it.
 * @param signal - as {@link BlockHandler} has it.
 */
export type RollbackHandler = (
  dropped: readonly BlockRef[],
  to: BlockRef,
  signal: AbortSignal,
) => void | Promise<void>;

/** How a handler is fed. */
export interface RunOptions {
  /** Runs until the signal fires; `close()` does the same. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Name the position is kept under, so that several handlers each have their own.
   *
   * @defaultValue `'default'`
   */
  readonly consumer?: string | undefined;
  /**
   * Told of dropped blocks before the ones in their place are handed over; at least once, like the handler. Without it
   * a drop of blocks that the handler has had ends the run with `FORKED`. A rollback that was made while no run with this
   * name was under way can't be told and ends with `FORKED` as well.
   */
  readonly onRollback?: RollbackHandler | undefined;
  /**
   * The newest block that the host has handled, where it keeps the position itself; `null` when it has handled none. The
   * engine then saves no position. A host that writes what it makes of a block, and the block's `height` and `hash`, in one
   * transaction of its own database has each block exactly once, also after a crash. Where the store does not have that block
   * yet, nothing is handed over until it does. Left out, the position that the engine has saved holds.
   */
  readonly after?: BlockRef | null | undefined;
}

/** Whom a consumer feeds, and from where on. */
export interface ConsumerSettings {
  readonly name: string;
  readonly handler: BlockHandler;
  /** `null`, as absent, for none. */
  readonly onRollback?: RollbackHandler | null;
  /** As {@link RunOptions} has it. */
  readonly after?: BlockRef | null | undefined;
  /** Told of a handler that was left behind, as it did not end. */
  readonly onLeft?: (message: string) => void;
}

/**
 * Feeds a handler from the store, from its saved position on up to the newest confirmed block, and saves the position
 * behind it.
 *
 * The handler is called at least once for each block, in order. The position is saved ten times a second at most, and
 * whenever the handler has had all there is, fails, or is called off; after a crash the blocks since the last saved
 * position come again. Reading from the store is what bounds memory: a handler that is slow holds nothing up but
 * itself.
 */
export class Consumer {
  readonly #chain: Chain;
  readonly #name: string;
  readonly #handler: BlockHandler;
  readonly #onRollback: RollbackHandler | null;
  readonly #onLeft: (message: string) => void;
  readonly #wake = new WakeUp();
  /** Whether the position may be of blocks that this store does not have yet, as the host's own where the store is new. */
  readonly #mayBeAhead: boolean;
  readonly #position: Position;
  #ended = false;
  /** The block that the handler has in its hands, or has had last. */
  #reached: BlockRef | null = null;
  /** How often blocks were dropped, or the chain's role has changed. */
  #rollbacks = 0;
  /** Whether another process may have moved the position. */
  #isOld = true;

  constructor(chain: Chain, { name, handler, onRollback = null, after, onLeft }: ConsumerSettings) {
    this.#onLeft = onLeft ?? (() => undefined);
    this.#chain = chain;
    this.#name = name;
    this.#handler = handler;
    this.#onRollback = onRollback;
    this.#mayBeAhead = after !== undefined;
    this.#position = after === undefined ? new StoredPosition(chain, name) : hostPosition(after);
  }

  /** No more blocks will come: `run` resolves when the handler has had them all. */
  end(): void {
    this.#ended = true;
    this.#wake.notify();
  }

  /** @throws SyncError `HANDLER_FAILED`, `FORKED` */
  async run(signal: AbortSignal): Promise<void> {
    const unhook = this.#chain.beforeRollback(async (to, dropped, storage) => {
      this.#rollbacks += 1;
      if (this.#reached !== null && this.#isAhead(this.#reached)) return;
      // What is dropped is told to those that had it: that has to be known after a crash, too.
      await this.#position.saveWithin(storage);
      await noteRollback(storage, this.#name, this.#reached, { to, dropped });
    });
    const unsubscribe = this.#chain.subscribe(({ kind }) => {
      if (kind === 'rollback') this.#rollbacks += 1;
      this.#wake.notify();
    });
    const unwatch = this.#chain.watchRole(() => {
      this.#rollbacks += 1;
      this.#isOld = true;
      this.#wake.notify();
    });
    const unlisten = this.#chain.onConfirmed(() => {
      this.#wake.notify();
    });
    // The store may be closed before a handler that takes long has ended.
    const stopListening = onAbort(signal, () => {
      this.#position.save().catch(() => undefined);
    });
    try {
      await this.#deliverAll(signal);
    } catch (error) {
      await this.#position.save().catch(() => undefined);
      if (isSyncError(error, 'STORE_CLOSED')) throwIfAborted(signal);
      throw error;
    } finally {
      stopListening();
      unlisten();
      unwatch();
      unsubscribe();
      unhook();
    }
  }

  async #deliverAll(signal: AbortSignal): Promise<void> {
    for (;;) {
      const ended = this.#ended;
      if (!this.#isOff) await this.#deliverOn(signal);
      if (ended) return;
      await this.#wake.wait(signal);
    }
  }

  /** Of several processes that stand by to write a store, the one that does feeds the handler. */
  get #isOff(): boolean {
    return this.#chain.standsBy && this.#chain.role === 'reader';
  }

  async #deliverOn(signal: AbortSignal): Promise<void> {
    try {
      do {
        if (this.#isOld) await this.#begin();
      } while (!this.#isOff && (await this.#deliver(signal)));
      await this.#position.save();
    } catch (error) {
      // The next writer goes on from the position that was saved.
      if (!this.#isOff || isSyncError(error, 'HANDLER_FAILED')) throw error;
    }
  }

  async #begin(): Promise<void> {
    this.#isOld = false;
    this.#reached = await this.#position.load();
  }

  /** Hands over what there is. @returns whether it ended because blocks were dropped. */
  async #deliver(signal: AbortSignal): Promise<boolean> {
    const rollbacks = this.#rollbacks;
    await this.#goBack(signal);
    const { confirmed, base } = this.#chain.tip();
    const from = this.#reached === null ? base : this.#reached.height + 1;
    if (confirmed === null || from > confirmed.height) return this.#rollbacks !== rollbacks;
    if (from < base) throw this.#belowBase(from, base);
    for await (const frames of this.#chain.read({ from, to: confirmed.height }, { signal })) {
      for (const frame of frames) {
        throwIfAborted(signal);
        // What is read may be of the branch that was dropped.
        if (this.#rollbacks !== rollbacks) return true;
        const { height, hash } = frame.header;
        await this.#handle(this.#chain.decode(frame), { height, hash }, signal);
      }
    }
    return this.#rollbacks !== rollbacks;
  }

  /** Tells the host of blocks that it has had and that are gone. */
  async #goBack(signal: AbortSignal): Promise<void> {
    const reached = this.#reached;
    if (reached === null || (await this.#follows(reached))) return;
    const rollback = await readRollback(this.#chain, this.#name);
    if (rollback === null && this.#isAhead(reached)) return;
    if (rollback === null || this.#onRollback === null) throw this.#forked(reached);
    const dropped = rollback.dropped.filter(({ height }) => height <= reached.height);
    if (!dropped.some(({ hash }) => hash === reached.hash)) throw this.#forked(reached);
    let ended: boolean;
    try {
      ended = await endsInTime(this.#onRollback(dropped, rollback.to, signal), signal);
    } catch (error) {
      throw failed(rollback.to.height + 1, 'The rollback handler failed', error);
    }
    if (!ended) throw this.#left(`The rollback handler, told of block ${rollback.to.height},`, signal);
    this.#reached = rollback.to;
    await this.#position.advance(rollback.to);
    await this.#position.save();
    // Another rollback may have come in the meantime.
    await this.#goBack(signal);
  }

  /** Whether what comes next is on top of a block: that one may just have been pruned. @throws SyncError `BELOW_BASE` */
  async #follows(reached: BlockRef): Promise<boolean> {
    const { base, head } = this.#chain.tip();
    const next = reached.height + 1;
    if (head === null || next > base) return this.#chain.holds(reached);
    if (next < base) throw this.#belowBase(next, base);
    return (await this.#chain.header(base))?.previousHash === reached.hash;
  }

  #isAhead({ height }: BlockRef): boolean {
    return this.#mayBeAhead && height > (this.#chain.tip().head?.height ?? -1);
  }

  #forked({ height, hash }: BlockRef): SyncError {
    const message = `The consumer ${this.#name} stands at block ${height} ${hash}, which this chain does not have.`;
    return new SyncError('FORKED', message, { height });
  }

  /** Blocks that the handler has not had were pruned, or a snapshot has taken their place. */
  #belowBase(height: number, base: number): SyncError {
    const message = `The consumer ${this.#name} has block ${height} next; the store begins at block ${base}.`;
    return new SyncError('BELOW_BASE', message, { height, base });
  }

  async #handle(block: Block, ref: BlockRef, signal: AbortSignal): Promise<void> {
    const before = this.#reached;
    this.#reached = ref;
    let ended: boolean;
    try {
      ended = await endsInTime(this.#handler(block, signal), signal);
    } catch (error) {
      this.#reached = before;
      // A handler that gives up as it was asked to has not failed.
      if (signal.aborted && error === signal.reason) throw abortError(signal);
      throw failed(block.height, 'The handler failed', error);
    }
    if (!ended) throw this.#left(`The handler, at block ${block.height},`, signal);
    await this.#position.advance(ref);
  }

  /** Tells of a handler that does not end, and makes the error that the run ends with. */
  #left(what: string, signal: AbortSignal): SyncError {
    this.#onLeft(`${what} did not end within ${HANDLER_GRACE_MS} ms of the stop, and was left behind.`);
    return abortError(signal);
  }
}

/** A run that is called off waits so long for its handler. */
const HANDLER_GRACE_MS = 5_000;

/** Waits for a handler; `false` when it has not ended some time after the signal fired. @throws what it throws */
async function endsInTime(work: void | Promise<void>, signal: AbortSignal): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopListening = (): void => undefined;
  const late = new Promise<false>((resolve) => {
    stopListening = onAbort(signal, () => {
      timer = setTimeout(resolve, HANDLER_GRACE_MS, false);
    });
  });
  try {
    return await Promise.race([Promise.resolve(work).then(() => true), late]);
  } finally {
    stopListening();
    clearTimeout(timer);
  }
}

function failed(height: number, what: string, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('HANDLER_FAILED', `${what} at block ${height}: ${reason}`, { height, cause });
}
