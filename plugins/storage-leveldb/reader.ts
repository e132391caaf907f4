import type { AbstractSnapshot } from 'abstract-level';
import type {
  AbortOptions,
  BlockRange,
  Frame,
  StateChange,
  StateEntry,
  StateTable,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import type { Contents } from './database.js';
import { runKey, heightOf, META_KEY, rollbackKey, stateKeyOf, tableBounds, undoKey } from './keys.js';
import { type BlockInfo, decodeMeta, decodeUndo, type Meta, openValue } from './records.js';
import { RunCache } from './run-cache.js';
import { decodeRun } from './runs.js';
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
  readonly #segments: Contents['segments'];
  readonly #snapshot: AbstractSnapshot | null;
  readonly #cache = new RunCache();

  constructor({ db, segments }: Contents, snapshot: AbstractSnapshot | null) {
    this.#db = db;
    this.#segments = segments;
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

  /** What is kept of a block beside its bytes; `null` when there is none. @throws SyncError `STORE_DAMAGED` */
  async info(height: number): Promise<BlockInfo | null> {
    const run = await this.#cache.of(height, () => this.#runAt(height));
    return run?.find(({ header }) => header.height === height) ?? null;
  }

  /** To be called before and after blocks are dropped. */
  forget(): void {
    this.#cache.forget();
  }

  /** The run that has a height if one has. */
  async #runAt(height: number): Promise<readonly BlockInfo[] | null> {
    const bounds = { gte: runKey(0), lte: runKey(height), reverse: true, limit: 1 };
    const [entry] = await this.#scanOnce(bounds);
    return entry === undefined ? null : openRun(entry);
  }

  /** The frame of a height; `null` when there is no record of it. @throws SyncError `STORE_DAMAGED` */
  async frame(height: number): Promise<Frame | null> {
    const info = await this.info(height);
    return info === null ? null : readFrame(this.#segments, info);
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
  async *runs({ from, to }: BlockRange, options: AbortOptions): AsyncGenerator<readonly BlockInfo[]> {
    const first = (await this.#runAt(from))?.[0]?.header.height ?? from;
    for await (const entries of this.#scan({ gte: runKey(first), lte: runKey(to) }, options))
      for (const entry of entries) yield openRun(entry);
  }

  /** The frames of a run of heights, all of which must be there. @throws SyncError `STORE_DAMAGED` */
  async *frames(range: BlockRange, options: AbortOptions): AsyncGenerator<readonly Frame[]> {
    throwIfAborted(options.signal);
    const { checkpoint } = await this.meta();
    const from = Math.max(range.from, checkpoint.base);
    const to = Math.min(range.to, checkpoint.head?.height ?? -1);
    let below: BlockInfo | null = null;
    if (from > to) return;
    for await (const infos of this.#infos({ from, to }, options)) {
      for (const info of infos) below = checkFollows(info, below, from);
      yield* framesOf(this.#segments, infos, options);
    }
    const next = heightAfter(below, from);
    if (next <= to) throw missing(next);
  }

  /** All entries of a table. @throws SyncError `STORE_DAMAGED` */
  async *entries(table: StateTable, options: AbortOptions): AsyncGenerator<readonly StateEntry[]> {
    for await (const entries of this.#scan(tableBounds(table), options)) {
      yield entries.map(([key, value]) => {
        const name = stateKeyOf(key);
        return { key: name, value: openValue(key, value, `value of ${JSON.stringify(name)} in ${table}`) };
      });
    }
  }

  /** What is kept of some blocks beside their bytes, of as many at once as one read of their frames takes. */
  async *#infos({ from, to }: BlockRange, options: AbortOptions): AsyncGenerator<readonly BlockInfo[]> {
    let gathered: BlockInfo[] = [];
    let bytes = 0;
    for await (const run of this.runs({ from, to }, options)) {
      const wanted = run.filter(({ header: { height } }) => height >= from && height <= to);
      gathered.push(...wanted);
      bytes += wanted.reduce((sum, { place }) => sum + place.bytes, 0);
      if (bytes < READ_BYTES) continue;
      yield gathered;
      gathered = [];
      bytes = 0;
    }
    if (gathered.length > 0) yield gathered;
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

function openRun([key, value]: Entry): readonly BlockInfo[] {
  const height = heightOf(key);
  return decodeRun(openValue(key, value, `record of the blocks from ${height} on`, height), height);
}

function checkFollows(info: BlockInfo, below: BlockInfo | null, from: number): BlockInfo {
  const { height, previousHash } = info.header;
  const wanted = heightAfter(below, from);
  if (height !== wanted) throw missing(wanted);
  if (below === null || previousHash === below.header.hash) return info;
  const message = `Block ${height} of the store does not fit on the one before it.`;
  throw new SyncError('STORE_DAMAGED', message, { height });
}

function heightAfter(below: BlockInfo | null, from: number): number {
  return below === null ? from : below.header.height + 1;
}

/** The error for a height that should be there. */
export function missing(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is missing from the store.`, { height });
}
