import type { AbstractSnapshot } from 'abstract-level';
import type {
  AbortOptions,
  BlockHeader,
  BlockRange,
  Frame,
  StateChange,
  StateEntry,
  StoreTable,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import type { Contents } from './database.js';
import { runKey, heightOf, META_KEY, rollbackKey, stateKeyOf, tableBounds, undoKey } from './keys.js';
import { type BlockInfo, decodeMeta, decodeUndo, type Meta, openValue } from './records.js';
import { RunCache } from './run-cache.js';
import { READ_AHEAD, type RunAhead, RunsAhead } from './runs-ahead.js';
import { decodeRun, rangeOf, type Run } from './runs.js';
import { frameInTile, framesInTile, headInTile } from './tile-reads.js';
import type { TileRecord } from './tile-record.js';
import { framesOf, READ_BYTES, readFrame } from './frame-reads.js';

/** Bytes of records that one batch of a read aims at; held as long as those that ask for the blocks take. */
const BATCH_BYTES = 64 * 1024;

/** Entries that one batch of a read has at most. */
const BATCH_ENTRIES = 1024;

const EMPTY: Meta = {
  checkpoint: { head: null, base: 0, confirmed: null, finalized: null, assumed: null },
  identity: null,
  rollbacks: 0,
};

type Entry = readonly [key: Buffer, value: Buffer];
interface Bounds {
  readonly reverse?: boolean;
  readonly limit?: number;
  readonly gte?: Buffer;
  readonly gt?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer | undefined;
}

/**
 * Reads the records of a store, all of it or as of a LevelDB snapshot.
 *
 * A long read is many short ones: an iterator that stays open while a slow client takes its time keeps LevelDB from
 * removing files. A snapshot only keeps it from forgetting values that were replaced, and blocks seldom are.
 */
export class Reader {
  readonly #db: Contents['db'];
  readonly #contents: Contents;
  readonly #snapshot: AbstractSnapshot | null;
  readonly #cache = new RunCache();
  readonly #ahead = new RunsAhead();

  constructor(contents: Contents, snapshot: AbstractSnapshot | null) {
    this.#db = contents.db;
    this.#contents = contents;
    this.#snapshot = snapshot;
  }

  /** @throws SyncError `STORE_DAMAGED` */
  async value(key: Buffer, what: string, height?: number): Promise<Buffer | null> {
    const value = (await this.#db.get(key, this.#options())) ?? (await this.#confirm(key));
    return value === undefined ? null : openValue(key, value, what, height);
  }

  /** Looks again without the Bloom filters: one flipped bit in a filter makes a key look as if it were not there. */
  async #confirm(key: Buffer): Promise<Buffer | undefined> {
    const [entry] = await this.#scanOnce({ gte: key, lte: key });
    return entry?.[1];
  }

  /** What the store is. @throws SyncError `STORE_DAMAGED` */
  async meta(): Promise<Meta> {
    const body = await this.value(META_KEY, 'record of what the store is');
    return body === null ? EMPTY : decodeMeta(body);
  }

  /** The header of a height; `null` when there is no record of it. @throws SyncError `STORE_DAMAGED` */
  async header(height: number): Promise<BlockHeader | null> {
    const run = await this.#runOf(height);
    if (run?.kind === 'tile') return (await headInTile(this.#contents, run.tile, height))?.header ?? null;
    return run?.blocks.find(({ header }) => header.height === height)?.header ?? null;
  }

  /** To be called before and after runs are replaced. */
  forget(): void {
    this.#cache.forget();
    this.#ahead.forget();
  }

  async #runOf(height: number): Promise<Run | null> {
    const run = await this.#cache.of(height, () => this.#runAt(height));
    return run !== null && height <= rangeOf(run).to ? run : null;
  }

  /** The last run that begins at a height or below. */
  async #runAt(height: number): Promise<Run | null> {
    const bounds = { gte: runKey(0), lte: runKey(height), reverse: true, limit: 1 };
    const [entry] = await this.#scanOnce(bounds);
    return entry === undefined ? null : openRun(entry);
  }

  /** The frame of a height; `null` when there is no record of it. @throws SyncError `STORE_DAMAGED` */
  async frame(height: number): Promise<Frame | null> {
    const run = await this.#runOf(height);
    if (run?.kind === 'tile') return frameInTile(this.#contents, run.tile, height);
    const info = run?.blocks.find(({ header }) => header.height === height);
    return info === undefined ? null : readFrame(this.#contents.segments, info);
  }

  /** The tile that has a height; `null` when none has that is decided and settled. @throws SyncError `STORE_DAMAGED` */
  async tile(height: number): Promise<TileRecord | null> {
    const run = (await this.#ahead.at(height, () => this.#runsFrom(height))) ?? (await this.#runOf(height));
    return run?.kind === 'tile' && run.tile.decidedAt !== null ? run.tile : null;
  }

  /** The next runs that begin at a height or above. */
  async #runsFrom(height: number): Promise<readonly RunAhead[]> {
    const last = runKey(Number.MAX_SAFE_INTEGER);
    const entries = await this.#scanOnce({ gte: runKey(height), lte: last, limit: READ_AHEAD });
    return entries.map((entry) => ({ first: heightOf(entry[0]), open: once(() => openRun(entry)) }));
  }

  /** What takes a block's changes back. @throws SyncError `STORE_DAMAGED` */
  async undo(height: number): Promise<readonly StateChange[]> {
    const what = `undo record of block ${height}`;
    const body = await this.value(undoKey(height), what, height);
    if (body !== null) return decodeUndo(body);
    throw new SyncError('STORE_DAMAGED', `The ${what} is missing.`, { height });
  }

  /** The numbers of the rollbacks that left a note. @throws SyncError `STORE_DAMAGED` */
  async *rollbacks(options: AbortOptions): AsyncGenerator<readonly number[]> {
    const bounds = { gte: rollbackKey(0), lte: rollbackKey(Number.MAX_SAFE_INTEGER) };
    for await (const entries of this.#scan(bounds, options)) {
      yield entries.map(([key, value]) => {
        openValue(key, value, `note of rollback ${heightOf(key)}`);
        return heightOf(key);
      });
    }
  }

  /**
   * The runs that have one of some heights, one after the other. Each is decoded when it is asked for: records take
   * several times as much memory then.
   *
   * @throws SyncError `STORE_DAMAGED`
   */
  async *runs({ from, to }: BlockRange, options: AbortOptions): AsyncGenerator<Run> {
    const below = await this.#runAt(from);
    const first = below === null ? from : rangeOf(below).from;
    for await (const entries of this.#scan({ gte: runKey(first), lte: runKey(to) }, options)) {
      for (const entry of entries) {
        const run = openRun(entry);
        if (rangeOf(run).to >= from) yield run;
      }
    }
  }

  /** The runs that have some heights, all of which must be there, as they are stored. @throws SyncError `STORE_DAMAGED` */
  async storedRuns({
    from,
    to,
  }: BlockRange): Promise<readonly { readonly first: number; readonly body: Buffer }[]> {
    const [below] = await this.#scanOnce({ gte: runKey(0), lte: runKey(from), reverse: true, limit: 1 });
    if (below === undefined) throw missing(from);
    const runs = [storedRun(below)];
    for await (const entries of this.#scan({ gt: below[0], lte: runKey(to) }, {}))
      runs.push(...entries.map(storedRun));
    return runs;
  }

  /** The frames of a run of heights, all of which must be there. @throws SyncError `STORE_DAMAGED` */
  async *frames(range: BlockRange, options: AbortOptions): AsyncGenerator<readonly Frame[]> {
    throwIfAborted(options.signal);
    const { checkpoint } = await this.meta();
    const from = Math.max(range.from, checkpoint.base);
    const to = Math.min(range.to, checkpoint.head?.height ?? -1);
    if (from > to) return;
    const order = new RunOrder(from);
    for await (const piece of this.#pieces({ from, to }, options)) {
      order.check(piece);
      if (piece.kind === 'frames') yield* framesOf(this.#contents.segments, piece.blocks, options);
      else yield* framesInTile(this.#contents, piece.tile, { from, to }, options);
    }
    if (order.next <= to) throw missing(order.next);
  }

  /** All entries of a table. @throws SyncError `STORE_DAMAGED` */
  async *entries(table: StoreTable, options: AbortOptions): AsyncGenerator<readonly StateEntry[]> {
    for await (const entries of this.#scan(tableBounds(table), options)) {
      yield entries.map(([key, value]) => {
        const name = stateKeyOf(key);
        return { key: name, value: openValue(key, value, `value of ${JSON.stringify(name)} in ${table}`) };
      });
    }
  }

  /** The runs that have some heights; frames alone, of as many runs at once as one read of them takes. */
  async *#pieces({ from, to }: BlockRange, options: AbortOptions): AsyncGenerator<Run> {
    let blocks: BlockInfo[] = [];
    let bytes = 0;
    for await (const run of this.runs({ from, to }, options)) {
      const wanted = run.kind === 'tile' ? [] : run.blocks.filter((info) => isWithin(info, from, to));
      blocks.push(...wanted);
      bytes += wanted.reduce((sum, { place }) => sum + place.bytes, 0);
      const isFull = bytes >= READ_BYTES || run.kind === 'tile';
      if (isFull && blocks.length > 0) {
        yield { kind: 'frames', blocks };
        blocks = [];
        bytes = 0;
      }
      if (run.kind === 'tile') yield run;
    }
    if (blocks.length > 0) yield { kind: 'frames', blocks };
  }

  async *#scan(bounds: Bounds, options: AbortOptions): AsyncGenerator<readonly Entry[]> {
    const end = bounds.lt === undefined ? { lte: bounds.lte } : { lt: bounds.lt };
    let rest = bounds;
    for (;;) {
      throwIfAborted(options.signal);
      const entries = await this.#scanOnce(rest);
      const last = entries.at(-1);
      if (last === undefined) return;
      yield entries;
      rest = { ...end, gt: last[0] };
    }
  }

  async #scanOnce(bounds: Bounds): Promise<readonly Entry[]> {
    const iterator = this.#db.iterator({ ...bounds, ...this.#options(), highWaterMarkBytes: BATCH_BYTES });
    try {
      return (await iterator.nextv(BATCH_ENTRIES)) as Entry[];
    } finally {
      await iterator.close();
    }
  }

  #options(): { readonly snapshot?: AbstractSnapshot } {
    return this.#snapshot === null ? {} : { snapshot: this.#snapshot };
  }
}

function storedRun([key, value]: Entry): { readonly first: number; readonly body: Buffer } {
  const first = heightOf(key);
  return { first, body: openValue(key, value, `record of the blocks from ${first} on`, first) };
}

function openRun(entry: Entry): Run {
  const { first, body } = storedRun(entry);
  return decodeRun(body, first);
}

/** Opens it at the first call, and keeps what that gave. */
function once(open: () => Run): () => Run {
  let run: Run | null = null;
  return () => (run ??= open());
}

const isWithin = ({ header: { height } }: BlockInfo, from: number, to: number): boolean =>
  height >= from && height <= to;

/** That runs follow each other from a height on. */
class RunOrder {
  next: number;
  /** Hash of the block below; `null` at the beginning. */
  #hash: string | null = null;

  constructor(from: number) {
    this.next = from;
  }

  check(run: Run): void {
    if (run.kind === 'frames')
      for (const { header } of run.blocks) this.#take(header, header.hash, header.height);
    else if (this.#hash === null && run.tile.from <= this.next) this.#took(run.tile.hash, run.tile.to);
    else
      this.#take({ height: run.tile.from, previousHash: run.tile.previousHash }, run.tile.hash, run.tile.to);
  }

  #take(first: Pick<BlockHeader, 'height' | 'previousHash'>, hash: string, to: number): void {
    const { height, previousHash } = first;
    if (height !== this.next) throw missing(this.next);
    if (this.#hash !== null && previousHash !== this.#hash) {
      const message = `Block ${height} of the store does not fit on the one before it.`;
      throw new SyncError('STORE_DAMAGED', message, { height });
    }
    this.#took(hash, to);
  }

  #took(hash: string, to: number): void {
    this.#hash = hash;
    this.next = to + 1;
  }
}

/** The error for a height that should be there. */
export function missing(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is missing from the store.`, { height });
}
