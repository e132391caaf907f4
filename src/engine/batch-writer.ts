import type { CommitTile, Frame } from '../contracts/index.js';
import { encodedLength } from '../internal/encoded-length.js';

/** Bounds of a {@link BatchWriter}. */
export interface BatchLimits {
  /** Blocks in one commit at most; tiles may be more, but not by much. */
  readonly maxBatchBlocks: number;
  /** Bytes that may wait for a commit before `push` makes the caller wait. */
  readonly maxPendingBytes: number;
}

/** Blocks of one commit. */
export interface Batch {
  readonly frames: readonly Frame[];
  /** Tiles whose blocks are all among the frames, in order. */
  readonly tiles: readonly CommitTile[];
}

/** Blocks in one commit at most where they came in tiles, which are not divided: two tiles of small blocks. */
const TILE_BATCH_BLOCKS = 2_048;

/**
 * Group commit: while one batch is being written, the next one gathers, so that a slow disk gets large batches and a
 * fast one gets small ones, with one write in flight and bounded bytes waiting.
 */
export class BatchWriter {
  readonly #commit: (batch: Batch) => Promise<void>;
  readonly #limits: BatchLimits;
  readonly #onFailure: (error: unknown) => void;
  /** Of contiguous heights. */
  #pending: Frame[] = [];
  #tiles: CommitTile[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** @param onFailure - runs at once when a commit fails; `push` and `flush` reject with it from then on. */
  constructor(
    commit: (batch: Batch) => Promise<void>,
    limits: BatchLimits,
    onFailure: (error: unknown) => void = () => undefined,
  ) {
    this.#commit = commit;
    this.#limits = limits;
    this.#onFailure = onFailure;
  }

  /** Bytes that wait for a commit. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Takes frames; resolves when there is room for more. Rejects with the failure of an earlier commit.
   *
   * @param tile - that the frames are all blocks of; `null` for none.
   */
  async push(frames: readonly Frame[], tile: CommitTile | null = null): Promise<void> {
    this.#rethrow();
    if (frames.length === 0) return;
    for (const frame of frames) this.#pending.push(frame);
    if (tile !== null) this.#tiles.push(tile);
    this.#pendingBytes += bytesOf({ frames, tiles: tile === null ? [] : [tile] });
    this.#writing ??= this.#drain();
    while (this.#isFull() && this.#failure === null) await this.#writing;
    this.#rethrow();
  }

  /** Resolves when everything taken is durable. */
  async flush(): Promise<void> {
    if (this.#pending.length > 0) this.#writing ??= this.#drain();
    await this.#writing;
    this.#rethrow();
  }

  #isFull(): boolean {
    if (this.#writing === null) return false;
    return this.#pendingBytes >= this.#limits.maxPendingBytes || this.#hasNextBatch;
  }

  /**
   * Whether the tiles that wait make a whole batch: their bodies are small, but what is there of each of their blocks is not,
   * and of what waits for long the collector finds out late that it is of no use any more.
   */
  get #hasNextBatch(): boolean {
    return this.#tiles.length > 0 && this.#pending.length >= TILE_BATCH_BLOCKS;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#pending.length > 0) {
        const batch = this.#take();
        this.#pendingBytes -= bytesOf(batch);
        await this.#commit(batch);
      }
    } catch (error) {
      this.#failure = { error };
      this.#pending = [];
      this.#tiles = [];
      this.#pendingBytes = 0;
      this.#onFailure(error);
    } finally {
      this.#writing = null;
    }
  }

  /** The next batch: as much as there is and may be, and no tile in two. */
  #take(): Batch {
    const first = this.#pending[0]?.header.height ?? 0;
    const { maxBatchBlocks } = this.#limits;
    const most = this.#tiles.length === 0 ? maxBatchBlocks : Math.max(maxBatchBlocks, TILE_BATCH_BLOCKS);
    const divided = this.#tiles.find(({ from, to }) => from < first + most && to >= first + most);
    const whole = divided === undefined ? most : divided.from - first;
    const frames = this.#pending.splice(0, whole > 0 ? whole : (divided?.to ?? first) - first + 1);
    const count = this.#tiles.filter(({ to }) => to < first + frames.length).length;
    return { frames, tiles: this.#tiles.splice(0, count) };
  }

  #rethrow(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }
}

/** Encoded bytes of blocks: as they came, as far as that is known. */
export function bytesOf({ frames, tiles }: Batch): number {
  let bytes = 0;
  let inTiles = 0;
  for (const { from, to, bytes: encoded } of tiles) {
    bytes += encoded;
    inTiles += to - from + 1;
  }
  if (inTiles === frames.length) return bytes;
  for (const frame of frames) {
    const { height } = frame.header;
    if (!tiles.some(({ from, to }) => height >= from && height <= to)) bytes += encodedLength(frame);
  }
  return bytes;
}
