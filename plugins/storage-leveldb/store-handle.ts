import type { BlockRef } from '../../src/contracts/index.js';
import { isSyncError, SyncError } from '../../src/errors/index.js';
import { planRollback } from '../../src/internal/commit-rules.js';
import { pinContents } from './database.js';
import { collectFrom, type Dropped } from './dropped.js';
import { storeError } from './errors.js';
import { writeMarker } from './files.js';
import type { Reader } from './reader.js';
import { confirmGone, guard, holds } from './reads.js';
import type { Opened } from './switch-contents.js';

/**
 * What a store has open, and the only way to it: reads go on when new contents take the place of the old in the middle,
 * and writes end with the first one that fails.
 */
export class StoreHandle {
  /** Directory of the store. */
  readonly location: string;
  #opened: Opened | null = null;
  /** Why nothing more may be written: after a failed write it is unknown what is on the disk. */
  #failure: SyncError | null = null;

  constructor(location: string) {
    this.location = location;
  }

  /** `null` while the store is not open. */
  get opened(): Opened | null {
    return this.#opened;
  }

  /** Whether every write was made. */
  get isWhole(): boolean {
    return this.#failure === null;
  }

  /** Takes what was opened. */
  open(opened: Opened): void {
    this.#opened = opened;
    this.#failure = null;
  }

  /** Takes contents that are in the place of those that were open. */
  replace(opened: Opened): void {
    this.#opened = opened;
  }

  /** Lets go of what is open; it is the caller's to close. */
  leave(): void {
    this.#opened = null;
  }

  /** What is open. @throws SyncError `STORE_CLOSED` */
  use(): Opened {
    if (this.#opened === null) throw new SyncError('STORE_CLOSED', 'The store is not open.');
    return this.#opened;
  }

  /** What is open, to be written to. @throws SyncError `STORE_CLOSED`, or as the first write that failed */
  writable(): Opened {
    const store = this.use();
    if (this.#failure === null) return store;
    const { code, message: first } = this.#failure;
    const message = `The store has to be opened again, as an earlier write failed: ${first}`;
    throw new SyncError(code, message, { cause: this.#failure });
  }

  /**
   * Makes a write. After a failed one it is unknown what is on the disk, and LevelDB may append behind a torn record,
   * which takes what follows with it: nothing more is written until the store is opened again.
   */
  async write(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** Lets nothing more be written. @returns the error, to be thrown */
  fail(error: unknown): SyncError {
    this.#failure = storeError(error, this.location);
    return this.#failure;
  }

  /** Notes that there may be tiles: an earlier version could not read what is written from now on, which is told once. */
  async markTiles(): Promise<void> {
    const store = this.use();
    const { format } = store;
    if (format === 'tiles') return;
    await writeMarker(this.location, { state: 'ready', db: store.contents.name, hasTiles: true });
    store.format = 'tiles';
    if (format === 'older') process.emitWarning(convertedText(this.location), 'BlockferryNotice');
  }

  /** Something that every held height has; `null` for other heights. */
  held<T>(height: number, read: (reader: Reader) => Promise<T | null>): Promise<T | null> {
    return this.current(async ({ contents, reader, meta }) => {
      if (!holds(meta.checkpoint, height)) return null;
      const unpin = pinContents(contents);
      try {
        return (await read(reader)) ?? (await confirmGone(contents, height, read));
      } finally {
        unpin();
      }
    });
  }

  /** What is above a block that may be gone back to; `null` when nothing is. @throws SyncError `BELOW_FINALIZED`, `STORE_GAP` */
  async above(to: BlockRef | null): Promise<Dropped | null> {
    const { meta, reader, contents } = this.use();
    const { checkpoint } = meta;
    const header = to === null ? null : await this.held(to.height, (held) => held.header(to.height));
    planRollback(to, header, checkpoint);
    const from = to === null ? checkpoint.base : to.height + 1;
    const above = await this.guard(() => collectFrom(contents, reader, from));
    return above.dropped.length === 0 ? null : above;
  }

  /** Makes a short read of what is held; once more when new contents took its place in the middle. */
  async current<T>(read: (opened: Opened) => Promise<T>): Promise<T> {
    const opened = this.use();
    try {
      return await this.guard(() => read(opened));
    } catch (error) {
      const isReplaced = this.#opened !== null && this.#opened !== opened;
      if (isReplaced && isSyncError(error, 'STORE_CLOSED')) return this.current(read);
      throw error;
    }
  }

  /** Runs a step; what the platform throws becomes an error of the store. */
  guard<T>(step: () => Promise<T>): Promise<T> {
    return guard(this.location, step);
  }
}

const convertedText = (location: string): string =>
  `The store at ${location} is turned into tiles from now on, and becomes smaller. Earlier versions can't open it any ` +
  `more: export with this version, and import with the other, is the way back.`;
