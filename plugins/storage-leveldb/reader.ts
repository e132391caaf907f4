import type { AbstractSnapshot } from 'abstract-level';
import type {
  AbortOptions,
  BlockRange,
  Checkpoint,
  Frame,
  StateEntry,
  StateTable,
} from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { throwIfAborted } from '../../src/internal/abort.js';
import type { Database } from './database.js';
import { frameKey, headerKey, heightOf, stateKeyOf, tableBounds } from './keys.js';
import { type BlockInfo, decodeFrame, decodeInfo, openValue } from './records.js';

/** Bytes that one batch of a read aims at. */
const BATCH_BYTES = 1024 * 1024;

/** Entries that one batch of a read has at most. */
const BATCH_ENTRIES = 1024;

type Entry = readonly [key: Buffer, value: Buffer];
interface Bounds {
  readonly gte?: Buffer;
  readonly gt?: Buffer;
  readonly lt?: Buffer;
  readonly lte?: Buffer | undefined;
}

/**
 * Reads the records of a store, all of it or as of a LevelDB snapshot.
 *
 * A long read is many short ones: an iterator that stays open while a slow client takes its time keeps LevelDB from
 * cleaning up.
 */
export class Reader {
  readonly #db: Database;
  readonly #snapshot: AbstractSnapshot | null;

  constructor(db: Database, snapshot: AbstractSnapshot | null) {
    this.#db = db;
    this.#snapshot = snapshot;
  }

  /** @throws SyncError `STORE_DAMAGED` */
  async value(key: Buffer, what: string, height?: number): Promise<Buffer | null> {
    const value = await this.#db.get(key, this.#options());
    return value === undefined ? null : openValue(key, value, what, height);
  }

  /** The small records of a run of heights. @throws SyncError `STORE_DAMAGED` */
  async *infos(range: BlockRange, options: AbortOptions): AsyncGenerator<readonly BlockInfo[]> {
    for await (const entries of this.#scan(
      { gte: headerKey(range.from), lte: headerKey(range.to) },
      options,
    )) {
      yield entries.map(([key, value]) => {
        const height = heightOf(key);
        return decodeInfo(openValue(key, value, `header of block ${height}`, height), height);
      });
    }
  }

  /** The frames of a run of heights, all of which must be there. @throws SyncError `STORE_DAMAGED` */
  async *frames(
    range: BlockRange,
    checkpoint: Checkpoint,
    options: AbortOptions,
  ): AsyncGenerator<readonly Frame[]> {
    const from = Math.max(range.from, checkpoint.base);
    const to = Math.min(range.to, checkpoint.head?.height ?? -1);
    let next = from;
    let parent: string | null = null;
    if (from > to) return;
    for await (const entries of this.#scan({ gte: frameKey(from), lte: frameKey(to) }, options)) {
      const frames: Frame[] = [];
      for (const [key, value] of entries) {
        const frame = readFrame(key, value, next, parent);
        parent = frame.header.hash;
        next += 1;
        frames.push(frame);
      }
      yield frames;
    }
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

function readFrame(key: Buffer, value: Buffer, wanted: number, parent: string | null): Frame {
  const height = heightOf(key);
  if (height !== wanted) throw missing(wanted);
  const frame = decodeFrame(openValue(key, value, `block ${height}`, height), height);
  if (parent !== null && frame.header.previousHash !== parent) {
    throw new SyncError('FORKED', `The chain was rolled back below block ${height} while it was read.`, {
      height,
    });
  }
  return frame;
}

function missing(height: number): SyncError {
  return new SyncError('STORE_DAMAGED', `Block ${height} is missing from the store.`, { height });
}
