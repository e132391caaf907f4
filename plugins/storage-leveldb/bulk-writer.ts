import type { Frame, StateEntry, StateTable } from '../../src/contracts/index.js';
import type { Contents } from './database.js';
import { ABOVE_ALL } from './keys.js';
import type { Meta } from './records.js';
import { runsOf } from './runs.js';
import { placeFrames } from './segment-record.js';
import { entryOperation, infosOf, metaOperation, type Put, runOperation } from './writer.js';

/** Bytes that one batch aims at: LevelDB holds each batch twice for a moment. */
const BATCH_BYTES = 1024 * 1024;

type Run = StateTable | 'blocks';

/**
 * Fills contents that nobody reads yet. Nothing is durable before they are synced as a whole.
 *
 * LevelDB makes a table file of every few MiB it is given, and merges files whose ranges of keys overlap again and
 * again. Runs of ascending keys make files that don't overlap, which are never merged: each byte is written to the log
 * and to one table file. So between runs LevelDB is made to end its file. Entries of the state that come in another
 * order are as good, only slower.
 */
export class BulkWriter {
  readonly #contents: Contents;
  #run: Run | null = null;
  #pending: Put[] = [];
  #pendingBytes = 0;

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  /** Adds entries of the state. */
  async state(table: StateTable, entries: readonly StateEntry[]): Promise<void> {
    await this.#enter(table);
    for (const entry of entries) await this.#add(entryOperation(table, entry));
  }

  /** Adds blocks above those there are. */
  async blocks(frames: readonly Frame[]): Promise<void> {
    await this.#enter('blocks');
    const { segments } = this.#contents;
    const placed = placeFrames(segments, frames);
    await segments.append(placed, false);
    const blocks = frames.map((frame) => ({ frame, changes: [] }));
    for (const run of runsOf(infosOf(blocks, placed.places))) await this.#add(runOperation(run));
  }

  /**
   * Writes the rest, and last what the store is; the write is synced, which is not enough for those before it.
   *
   * @param copied - records to take over as they are.
   */
  async finish(meta: Meta, copied: AsyncIterable<readonly [key: Buffer, value: Buffer]>): Promise<void> {
    await this.#endRun();
    for await (const [key, value] of copied) await this.#add({ type: 'put', key, value });
    this.#pending.push(metaOperation(meta));
    await this.#flush(true);
  }

  async #enter(run: Run): Promise<void> {
    if (this.#run !== null && this.#run !== run) await this.#endRun();
    this.#run = run;
  }

  /** A compaction of no keys only turns into a table file what was gathered. A failure of it fails the next write. */
  async #endRun(): Promise<void> {
    await this.#flush(false);
    await this.#contents.db.compactRange(ABOVE_ALL, ABOVE_ALL);
  }

  async #add(put: Put): Promise<void> {
    this.#pending.push(put);
    this.#pendingBytes += put.key.byteLength + put.value.byteLength;
    if (this.#pendingBytes >= BATCH_BYTES) await this.#flush(false);
  }

  async #flush(sync: boolean): Promise<void> {
    const operations = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (operations.length > 0) await this.#contents.db.batch(operations, { sync });
  }
}
