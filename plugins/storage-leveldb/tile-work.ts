import type { WriteQueue } from '../../src/internal/write-queue.js';
import type { DecidedCut, TileCut } from '../../src/tiles/cut.js';
import { runKey } from './keys.js';
import type { Reader } from './reader.js';
import { momentOf } from './reads.js';
import { decodeRun, isTileRun } from './runs.js';
import type { StoreHandle } from './store-handle.js';
import type { Opened } from './switch-contents.js';
import { moveTail } from './tail-move.js';
import { tailPieces } from './tail-pieces.js';
import type { MadeTile, StoredRun } from './tile-job.js';
import type { TileRecord } from './tile-record.js';
import { TileThread } from './tile-thread.js';
import { tileOperation, tileOperations } from './writer.js';

/** When records of so many bytes were replaced, LevelDB is made to forget them: while tiles are made, and after it. */
const FORGOTTEN_BYTES = { during: 512 * 1024, after: 64 * 1024 } as const;

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

/** Blocks that are put into one form: a tile, or what may become one or a part of one. */
type Piece = TileCut & Pick<TileRecord, 'decidedAt'>;

/**
 * Makes tiles: they are read and encoded on a thread as of a moment, and only the write that puts a tile in the place of
 * runs waits its turn. A tile that came whole is only taken note of, when it is cut in the same way here. One call at a
 * time.
 */
export class TileWork {
  /** Tiles that were made since the store was opened. */
  made = 0;
  readonly #handle: StoreHandle;
  readonly #writes: WriteQueue;
  readonly #thread = new TileThread();
  /** Heights whose records were replaced and LevelDB still has on the disk, and how many bytes those have. */
  #replaced: Replaced = NONE_REPLACED;

  constructor(handle: StoreHandle, writes: WriteQueue) {
    this.#handle = handle;
    this.#writes = writes;
  }

  /** Makes the next tile. @returns whether one was due */
  async next(settled: number, isDigested: boolean): Promise<boolean> {
    const store = this.#handle.writable();
    const cut = store.plan.due(settled);
    if (cut === null) return false;
    await this.#change(
      store,
      async (reader) => {
        const work = await workFor(reader, cut, isDigested);
        return work.kind === 'note' ? 'note' : await this.#make(store, cut, work.runs, isDigested);
      },
      async (prepared) => {
        if (prepared === 'note') return this.#note(store, settled, isDigested);
        if (prepared !== null) await this.#write(store, cut, prepared);
        this.made += prepared === null ? 0 : 1;
        store.plan.done(cut);
      },
    );
    await this.#forget(store, FORGOTTEN_BYTES.during);
    return true;
  }

  /**
   * Makes the rest small: settled blocks that are not decided are kept in one piece for each interval, LevelDB forgets what
   * was replaced, and the frames that stay go to a file of their own.
   */
  async tidy(settled: number): Promise<void> {
    const store = this.#handle.writable();
    for (const cut of await this.#handle.guard(() => tailPieces(store, settled)))
      await this.#change(
        store,
        async (reader) => this.#make(store, cut, await reader.storedRuns(cut), false),
        async (prepared) => {
          if (prepared !== null) await this.#write(store, { ...cut, decidedAt: null }, prepared);
        },
      );
    await this.#forget(store, FORGOTTEN_BYTES.after);
    await this.#writes.run(() => this.#handle.guard(() => moveTail(this.#handle, this.#handle.writable())));
  }

  /** Resolves when the thread is gone. */
  close(): Promise<void> {
    return this.#thread.close();
  }

  /** Prepares something as of a moment, and writes it in its turn unless the blocks that it is of have gone since. */
  async #change<T>(
    store: Opened,
    prepare: (reader: Reader) => Promise<T>,
    write: (prepared: T) => Promise<void>,
  ): Promise<void> {
    const {
      rollbacks,
      checkpoint: { base },
    } = store.meta;
    // A run that the new base has cut is written anew as well.
    const isPast = (): boolean =>
      this.#handle.writable() !== store ||
      store.meta.rollbacks !== rollbacks ||
      store.meta.checkpoint.base !== base;
    try {
      const { reader, close } = momentOf(store.contents);
      const prepared = await this.#handle.guard(() => prepare(reader)).finally(close);
      await this.#writes.run(async () => {
        if (!isPast()) await write(prepared);
      });
    } catch (error) {
      // The write that drops blocks may have been under way.
      await this.#writes.idle();
      if (!isPast()) throw error;
    }
  }

  /** `null` when a block is in a codec that can't be decoded here. */
  async #make(
    { contents: { segments, tiles } }: Opened,
    cut: TileCut,
    runs: readonly StoredRun[],
    isDigested: boolean,
  ): Promise<MadeFrom | null> {
    const job = { cut, runs, isDigested, frames: segments.path, tiles: tiles.path };
    const made = await this.#thread.make(job);
    return made === null ? null : { runs, made };
  }

  /** Takes note that tiles that came whole are cut so, of as many at once as are due. */
  async #note(store: Opened, settled: number, isDigested: boolean): Promise<void> {
    const { contents, reader, plan } = store;
    const noted: { readonly cut: DecidedCut; readonly tile: TileRecord }[] = [];
    for (const cut of plan.upcoming(settled, NOTED_TILES)) {
      const work = await this.#handle.guard(() => workFor(reader, cut, isDigested));
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

  async #write(store: Opened, cut: Piece, { runs, made }: MadeFrom): Promise<void> {
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
  }

  /**
   * LevelDB keeps deleted values until it happens to merge their files: they would be half of a store. Writes go on
   * meanwhile.
   */
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
