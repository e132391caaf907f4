import type { Checkpoint, StorageView } from '../../src/contracts/index.js';
import { type Contents, pinContents } from './database.js';
import { storeError } from './errors.js';
import { missing, Reader } from './reader.js';

/** Runs a step whose failures become ours; a caller's mistake stays one. */
export async function guard<T>(location: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof TypeError ? error : storeError(error, location);
  }
}

/** The same items; a failure becomes ours. */
async function* guarded<T>(location: string, source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw storeError(error, location);
  }
}

/** Reads as of the moment at which the first batch is asked for. */
export async function* scan<T>(
  location: string,
  contents: () => Contents,
  read: (reader: Reader) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const moment = await guard(location, () => Promise.resolve(momentOf(contents())));
  try {
    yield* guarded(location, read(moment.reader));
  } finally {
    await moment.close();
  }
}

/** Contents as they are at one moment. */
export interface Moment {
  readonly reader: Reader;
  readonly close: () => Promise<void>;
}

/** Keeps the records of this moment, and the frames and tiles that they name. */
export function momentOf(contents: Contents): Moment {
  const unpin = pinContents(contents);
  try {
    const snapshot = contents.db.snapshot();
    const close = async (): Promise<void> => {
      unpin();
      await snapshot.close();
    };
    return { reader: new Reader(contents, snapshot), close };
  } catch (error) {
    unpin();
    throw error;
  }
}

/** Whether a store holds a height. */
export function holds({ base, head }: Checkpoint, height: number): boolean {
  return Number.isSafeInteger(height) && head !== null && height >= base && height <= head.height;
}

/**
 * Looks again for something of a block that was not found: it is lost, or was dropped by a rollback that is under way.
 * Only one moment's block and head can tell.
 *
 * @throws SyncError `STORE_DAMAGED` when it is lost
 */
export async function confirmGone<T>(
  contents: Contents,
  height: number,
  read: (reader: Reader) => Promise<T | null>,
): Promise<T | null> {
  const { reader, close } = momentOf(contents);
  try {
    const { checkpoint } = await reader.meta();
    const found = await read(reader);
    if (found === null && holds(checkpoint, height)) throw missing(height);
    return found;
  } finally {
    await close();
  }
}

/** A view of contents as they are now. Close it. */
export async function viewOf(location: string, contents: Contents): Promise<StorageView> {
  const { reader, close } = momentOf(contents);
  try {
    const { checkpoint } = await reader.meta();
    return {
      checkpoint,
      read: (range, options = {}) => guarded(location, reader.frames(range, options)),
      entries: (table, options = {}) => guarded(location, reader.entries(table, options)),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
