import type { WriteQueue } from '../../src/internal/write-queue.js';
import type { DecidedCut } from '../../src/tiles/cut.js';
import { runKey } from './keys.js';
import { decodeRun, isTileRun } from './runs.js';
import { momentOf } from './reads.js';
import type { Reader } from './reader.js';
import type { Opened } from './switch-contents.js';
import type { StoreHandle } from './store-handle.js';
import { moveTail } from './tail-move.js';
import type { MadeTile, StoredRun } from './tile-job.js';
import type { TileRecord } from './tile-record.js';
import { TileThread } from './tile-thread.js';
import { tileOperation, tileOperations } from './writer.js';

/** When records of so many bytes were replaced, LevelDB is made to forget them: while tiles are made, and after it. */
const FORGOTTEN_BYTES = { during: 512 * 1024, after: 64 * 1024 } as const;

/** While more bytes of frames came than this since the store was opened, and tiles are being made, blocks wait for them. */
const MAX_BEHIND_BYTES = 256 * 1024 * 1024;

/** Tiles that are taken note of in one write. */
const NOTED_TILES = 64;

/** Records that were replaced. */
interface Replaced {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

const NONE_REPLACED: Replaced = { from: Number.MAX_SAFE_INTEGER, to: 0, bytes: 0 };

/** What is done for a tile that is due. */
type Work =
  | { readonly kind: 'note'; readonly tile: TileRecord }
  | { readonly kind: 'make'; readonly runs: readonly StoredRun[] };

/** A tile that is made, and the runs that it takes the place of. */
interface MadeFrom {
  readonly runs: readonly StoredRun[];
  readonly made: MadeTile;
}

/** What to write for a tile; `null` when it can't be made. */
type Prepared = 'note' | MadeFrom | null;

/**
 * Turns settled blocks into tiles, one after the other, beside what else the store does: they are read and encoded on a
 * thread as of a moment, and only the write that puts a tile in their place waits its turn. A tile that came whole is
 * only taken note of, when it is cut in the same way here.
 */
export class TileMaker {
  readonly #handle: StoreHandle;
  readonly #writes: WriteQueue;
  readonly #thread = new TileThread();
  #settled = -1;
  #isDigested = false;
  #working: Promise<void> | null = null;
  /** The tile that is being made. */
  #step: Promise<void> = Promise.resolve();
  /** Bytes of frames that there were when the store was opened. */
  #framesBefore = 0;
  #isClosing = false;
  /** Heights whose records were replaced and LevelDB still has on the disk, and how many bytes those have. */
  #replaced: Replaced = NONE_REPLACED;

  constructor(handle: StoreHandle, writes: WriteQueue) {
    this.#handle = handle;
    this.#writes = writes;
  }

  /** Makes the tiles that are decided up to a height. Resolves when they are durable, or the store is closed. */
  async settle(height: number, isDigested: boolean): Promise<void> {
    this.#handle.use();
    this.#settled = Math.max(this.#settled, height);
    this.#isDigested = isDigested;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
    await this.#working;
  }

  /** Begins anew with a store that was opened. */
  open(): void {
    this.#settled = -1;
    this.#isClosing = false;
    this.#framesBefore = this.#handle.use().contents.segments.usedBytes;
  }

  /**
   * Resolves when the tile that is being made is; `null` unless tiles are far behind what comes. Who adds blocks waits for
   * it, so that frames don't fill the disk.
   */
  get behind(): Promise<void> | null {
    const { opened } = this.#handle;
    if (opened === null || this.#working === null) return null;
    const bytes = opened.contents.segments.usedBytes - this.#framesBefore;
    return bytes < MAX_BEHIND_BYTES ? null : this.#step;
  }

  /** Takes note that the blocks above a height were dropped: those that come in their place are not settled. */
  back(height: number): void {
    this.#settled = Math.min(this.#settled, height);
  }

  /** Ends after the tile that is being made. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#working?.catch(() => undefined);
    await this.#thread.close();
  }

  async #work(): Promise<void> {
    for (let isDue = true; isDue && !this.#isClosing;) {
      const step = this.#next();
      this.#step = step.then(
        () => undefined,
        () => undefined,
      );
      isDue = await step;
    }
    if (this.#isClosing) return;
    await this.#writes.run(async () => {
      const store = this.#handle.writable();
      await this.#forget(store, FORGOTTEN_BYTES.after);
      await this.#handle.guard(() => moveTail(this.#handle, store));
    });
  }

  /** @returns whether there was anything due. */
  async #next(): Promise<boolean> {
    const store = this.#handle.writable();
    const cut = store.plan.due(this.#settled);
    if (cut === null) return false;
    const { rollbacks } = store.meta;
    // What was prepared before a rollback, or for contents that were replaced, may be of blocks that are gone.
    const isPast = (): boolean => this.#handle.writable() !== store || store.meta.rollbacks !== rollbacks;
    try {
      const prepared = await this.#handle.guard(() => this.#prepare(store, cut));
      await this.#writes.run(async () => {
        if (isPast()) return;
        if (prepared === 'note') await this.#note(store);
        else {
          if (prepared !== null) await this.#write(store, cut, prepared);
          store.plan.done(cut);
        }
      });
    } catch (error) {
      // The write that drops blocks may have been under way.
      await this.#writes.idle();
      if (!isPast()) throw error;
    }
    return true;
  }

  async #prepare({ contents }: Opened, cut: DecidedCut): Promise<Prepared> {
    const { reader, close } = momentOf(contents);
    const isDigested = this.#isDigested;
    try {
      const work = await workFor(reader, cut, isDigested);
      if (work.kind === 'note') return 'note';
      const { runs } = work;
      const { segments, tiles } = contents;
      const job = { cut, runs, isDigested, frames: segments.path, tiles: tiles.path };
      const made = await this.#thread.make(job);
      return made === null ? null : { runs, made };
    } finally {
      await close();
    }
  }

  /** Takes note that tiles that came whole are cut so, of as many at once as are due. */
  async #note(store: Opened): Promise<void> {
    const { contents, reader, plan } = store;
    const noted: { readonly cut: DecidedCut; readonly tile: TileRecord }[] = [];
    for (const cut of plan.upcoming(this.#settled, NOTED_TILES)) {
      const work = await this.#handle.guard(() => workFor(reader, cut, this.#isDigested));
      if (work.kind === 'make') break;
      noted.push({ cut, tile: work.tile });
    }
    await this.#handle.write(async () => {
      reader.forget();
      await contents.db.batch(
        noted.map(({ cut, tile }) => tileOperation({ ...tile, decidedAt: cut.decidedAt })),
        { sync: true },
      );
    });
    reader.forget();
    for (const { cut } of noted) plan.done(cut);
  }

  async #write(store: Opened, cut: DecidedCut, { runs, made }: MadeFrom): Promise<void> {
    const { contents, reader } = store;
    const { bytes, freed, rest, ...known } = made;
    const [place] = contents.tiles.place([bytes.byteLength]);
    if (place === undefined) throw new TypeError('A tile has one place.');
    const tile: TileRecord = { ...cut, ...known, place };
    const operations = tileOperations(tile, runs, rest);
    await this.#handle.write(async () => {
      await this.#handle.markTiles();
      // What the batch names has to be durable before it is.
      await contents.tiles.append({ places: [place], parts: [bytes] }, true);
      reader.forget();
      await contents.db.batch(operations, { sync: true });
    });
    reader.forget();
    await contents.segments.replaced(freed.frames);
    await contents.tiles.free(freed.tiles);
    this.#replaced = {
      from: Math.min(this.#replaced.from, runs[0]?.first ?? cut.from),
      to: Math.max(this.#replaced.to, cut.to),
      bytes: runs.reduce((sum, { body }) => sum + body.byteLength, this.#replaced.bytes),
    };
    await this.#forget(store, FORGOTTEN_BYTES.during);
  }

  /** LevelDB keeps deleted values until it happens to merge their files: they would be half of a store. */
  async #forget({ contents }: Opened, worthBytes: number): Promise<void> {
    const { from, to, bytes } = this.#replaced;
    if (bytes < worthBytes) return;
    this.#replaced = NONE_REPLACED;
    // Failing here fails the next write; the tiles are made.
    await contents.db.compactRange(runKey(from), runKey(to)).catch(() => undefined);
  }
}

/** What there is to do for a tile: the blocks may be one already, as it came. */
async function workFor(reader: Reader, { from, to }: DecidedCut, isDigested: boolean): Promise<Work> {
  const runs = await reader.storedRuns({ from, to });
  const [only] = runs;
  if (only === undefined || runs.length > 1 || !isTileRun(only.body)) return { kind: 'make', runs };
  const run = decodeRun(only.body, only.first);
  const isSame = run.kind === 'tile' && run.tile.from === from && run.tile.to === to;
  return isSame && (run.tile.digest !== null || !isDigested)
    ? { kind: 'note', tile: run.tile }
    : { kind: 'make', runs };
}
