import type { Frame } from '../../src/contracts/index.js';
import type { WriteQueue } from '../../src/internal/write-queue.js';
import { isTileCodec } from '../../src/tiles/body.js';
import type { DecidedCut } from '../../src/tiles/cut.js';
import { writeMarker } from './files.js';
import { runKey } from './keys.js';
import { momentOf } from './reads.js';
import type { BlockInfo } from './records.js';
import type { Reader } from './reader.js';
import { type FrameRun, rangeOf } from './runs.js';
import type { Place } from './segment-files.js';
import type { StoreHandle } from './store-handle.js';
import { moveTail } from './tail-move.js';
import type { Opened } from './switch-contents.js';
import { type EncodedTile, encodeTile } from './tile-encode.js';
import type { TileRecord } from './tile-record.js';
import { tileOperations } from './writer.js';

/** After so many tiles LevelDB is made to forget the records of the frames that were in their place. */
const COMPACTED_TILES = 32;

/** Frames that are to become a tile. */
interface Prepared {
  readonly cut: DecidedCut;
  readonly runs: readonly FrameRun[];
  readonly encoded: EncodedTile;
}

/**
 * Turns settled frames into tiles, one after the other, beside what else the store does: they are read and encoded as
 * of a moment, and only the write that puts a tile in their place waits its turn.
 */
export class TileMaker {
  readonly #handle: StoreHandle;
  readonly #writes: WriteQueue;
  #settled = -1;
  #working: Promise<void> | null = null;
  #isClosing = false;
  /** Height from which on runs were replaced that LevelDB still has on the disk, and how many tiles that are. */
  #replaced: { from: number; tiles: number } | null = null;

  constructor(handle: StoreHandle, writes: WriteQueue) {
    this.#handle = handle;
    this.#writes = writes;
  }

  /** Makes the tiles that are decided up to a height. Resolves when they are durable, or the store is closed. */
  settle(height: number): Promise<void> {
    this.#handle.use();
    this.#settled = Math.max(this.#settled, height);
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  /** Begins anew with a store that was opened. */
  open(): void {
    this.#settled = -1;
    this.#isClosing = false;
  }

  /** Takes note that the blocks above a height were dropped: those that come in their place are not settled. */
  back(height: number): void {
    this.#settled = Math.min(this.#settled, height);
  }

  /** Ends after the tile that is being made. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#working?.catch(() => undefined);
  }

  async #work(): Promise<void> {
    while (!this.#isClosing && (await this.#makeNext()));
    if (!this.#isClosing)
      await this.#writes.run(() => this.#handle.guard(() => moveTail(this.#handle, this.#handle.writable())));
  }

  async #makeNext(): Promise<boolean> {
    const store = this.#handle.writable();
    const cut = store.plan.next(this.#settled);
    if (cut === null) return false;
    const { rollbacks } = store.meta;
    const prepared = await this.#handle.guard(() => prepare(store, cut));
    await this.#writes.run(async () => {
      // What was prepared before a rollback, or for contents that were replaced, may be of blocks that are gone.
      if (this.#handle.writable() !== store || store.meta.rollbacks !== rollbacks) return;
      if (prepared !== null) await this.#write(store, prepared);
      store.plan.done(cut);
    });
    return true;
  }

  async #write(store: Opened, { cut, runs, encoded }: Prepared): Promise<void> {
    const { contents, reader } = store;
    const blocks = runs.flatMap((run) => run.blocks);
    const isInside = ({ header: { height } }: BlockInfo): boolean => height >= cut.from && height <= cut.to;
    const inside = blocks.filter(isInside);
    const [place] = contents.tiles.place([encoded.bytes]);
    const record = recordOf(cut, inside, encoded, place as Place);
    const below = blocks.filter(({ header }) => header.height < cut.from);
    const above = blocks.filter(({ header }) => header.height > cut.to);
    const operations = tileOperations(
      record,
      runs.map((run) => rangeOf(run).from),
      [below, above],
    );
    await this.#handle.write(async () => {
      await this.#mark(store);
      // What the batch names has to be durable before it is.
      await contents.tiles.append({ places: [record.place], parts: encoded.parts }, true);
      reader.forget();
      await contents.db.batch(operations, { sync: true });
    });
    reader.forget();
    await contents.segments.replaced(inside.map((info) => info.place));
    await this.#compact(store, cut);
  }

  /** LevelDB keeps deleted values until it happens to merge their files: they would be half of a store. */
  async #compact({ contents }: Opened, { from, to }: DecidedCut): Promise<void> {
    this.#replaced = { from: this.#replaced?.from ?? from, tiles: (this.#replaced?.tiles ?? 0) + 1 };
    if (this.#replaced.tiles < COMPACTED_TILES) return;
    const start = runKey(Math.min(this.#replaced.from, from));
    this.#replaced = null;
    // Failing here fails the next write; the tile is made.
    await contents.db.compactRange(start, runKey(to)).catch(() => undefined);
  }

  /** An earlier version could not read what is written from now on. */
  async #mark(store: Opened): Promise<void> {
    if (store.hasTiles) return;
    const { location } = this.#handle;
    await writeMarker(location, { state: 'ready', db: store.contents.name, hasTiles: true });
    store.hasTiles = true;
  }
}

/** Reads and encodes a tile; `null` when it has a frame in a codec that this store can't decode. */
async function prepare({ contents }: Opened, cut: DecidedCut): Promise<Prepared | null> {
  const { reader, close } = momentOf(contents);
  try {
    const runs = await framesFor(reader, cut);
    if (runs === null) return null;
    const frames: Frame[] = [];
    for await (const batch of reader.frames(cut, {})) frames.push(...batch);
    const heads = runs
      .flatMap(({ blocks }) => blocks)
      .filter(({ header: { height } }) => height >= cut.from && height <= cut.to);
    return { cut, runs, encoded: await encodeTile(frames, heads) };
  } finally {
    await close();
  }
}

/** The runs that have the blocks of a tile; `null` when they can't become one. */
async function framesFor(reader: Reader, cut: DecidedCut): Promise<readonly FrameRun[] | null> {
  const runs: FrameRun[] = [];
  for await (const run of reader.runs(cut, {})) {
    if (run.kind === 'tile' || !run.blocks.every(({ codec }) => isTileCodec(codec))) return null;
    runs.push(run);
  }
  return runs;
}

function recordOf(
  { from, to, documentBytes, decidedAt }: DecidedCut,
  blocks: readonly BlockInfo[],
  { groups }: EncodedTile,
  place: Place,
): TileRecord {
  const previousHash = blocks[0]?.header.previousHash ?? '';
  const hash = blocks.at(-1)?.header.hash ?? '';
  return { from, to, documentBytes, decidedAt, previousHash, hash, place, groups };
}
