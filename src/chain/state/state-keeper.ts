import type {
  AbortOptions,
  CommitBlock,
  Frame,
  StateBlock,
  StateChange,
  StateTransition,
  StateReader,
} from '../../contracts/index.js';
import { SyncError } from '../../errors/index.js';
import { throwIfAborted } from '../../internal/abort.js';
import { BlockState } from './block-state.js';
import { StateOverlay } from './overlay.js';

/** Changes that may wait for a commit, in bytes; the blocks that they belong to come on top. */
const BATCH_BYTES = 8 * 1024 * 1024;

/** Blocks that may wait for a commit: while a slow transition runs over them, nothing gets durable and no stop is heard. */
const BATCH_BLOCKS = 64;

/** Parts of a {@link StateKeeper}. */
export interface StateKeeperParts {
  readonly transition: StateTransition;
  readonly storage: StateReader;
  /** The block in a verified frame. */
  readonly decode: (frame: Frame) => StateBlock;
}

/** Runs the host's transition over verified blocks. */
export class StateKeeper {
  readonly #parts: StateKeeperParts;

  constructor(parts: StateKeeperParts) {
    this.#parts = parts;
  }

  /**
   * Blocks with their changes, in small batches, each to be committed before the next one is asked for. When a block
   * fails, those before it come first.
   *
   * @throws SyncError `STATE_FAILED` naming the height; `STORE_*` when the state can't be read; `ABORTED` between batches
   */
  async *batches(
    frames: readonly Frame[],
    { signal }: AbortOptions,
  ): AsyncGenerator<readonly CommitBlock[], void, undefined> {
    for (let at = 0; at < frames.length;) {
      const part = frames.slice(at, at + BATCH_BLOCKS);
      const { blocks, failure } = await this.#run(part, BATCH_BYTES, this.#parts.storage);
      if (blocks.length > 0) yield blocks;
      if (failure !== null) throw failure.error;
      at += blocks.length;
      if (at < frames.length) throwIfAborted(signal);
    }
  }

  /**
   * All blocks with their changes, for one commit.
   *
   * @param below - the state that they build on: that of the store, unless they replace others.
   * @throws SyncError as `batches`
   */
  async all(
    frames: readonly Frame[],
    below: StateReader = this.#parts.storage,
  ): Promise<readonly CommitBlock[]> {
    const { blocks, failure } = await this.#run(frames, Infinity, below);
    if (failure !== null) throw failure.error;
    return blocks;
  }

  async #run(
    frames: readonly Frame[],
    maxBytes: number,
    below: StateReader,
  ): Promise<{
    readonly blocks: readonly CommitBlock[];
    readonly failure: { readonly error: unknown } | null;
  }> {
    const overlay = new StateOverlay((table, key) => below.getState(table, key));
    const blocks: CommitBlock[] = [];
    try {
      for (const frame of frames) {
        const changes = await this.#apply(frame, overlay);
        blocks.push({ frame, changes });
        for (const change of changes) overlay.set(change);
        if (overlay.bytes >= maxBytes) break;
      }
      return { blocks, failure: null };
    } catch (error) {
      return { blocks, failure: { error } };
    }
  }

  async #apply(frame: Frame, overlay: StateOverlay): Promise<readonly StateChange[]> {
    const { transition, decode } = this.#parts;
    const block = decode(frame);
    const state = new BlockState((table, key) => overlay.get(table, key));
    try {
      await transition.apply(block, state.tables);
    } catch (error) {
      throw state.readFailure === null ? failed(frame.header.height, error) : state.readFailure.error;
    } finally {
      state.close();
    }
    if (state.readFailure !== null) throw state.readFailure.error;
    return state.changes();
  }
}

function failed(height: number, cause: unknown): SyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SyncError('STATE_FAILED', `The state transition failed at block ${height}: ${reason}`, {
    height,
    cause,
  });
}
