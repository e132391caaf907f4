import type { BlockRef, Checkpoint, StateChange } from '../../src/contracts/index.js';
import type { Database } from './database.js';
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
export async function* guarded<T>(location: string, source: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw storeError(error, location);
  }
}

/** Reads as of the moment at which the first batch is asked for. */
export async function* scan<T>(
  location: string,
  database: () => Database,
  read: (reader: Reader) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const db = database();
  const snapshot = await guard(location, () => Promise.resolve(db.snapshot()));
  try {
    yield* guarded(location, read(new Reader(db, snapshot)));
  } finally {
    await snapshot.close();
  }
}

/** Whether a store holds a height. */
export function holds({ base, head }: Checkpoint, height: number): boolean {
  return Number.isSafeInteger(height) && head !== null && height >= base && height <= head.height;
}

/**
 * Looks again for a value of a block that was not found: it is lost, or was dropped by a rollback that is under way.
 * Only one moment's block and head can tell.
 *
 * @throws SyncError `STORE_DAMAGED` when it is lost
 */
export async function confirmGone(
  db: Database,
  height: number,
  key: Buffer,
  what: string,
): Promise<Buffer | null> {
  const snapshot = db.snapshot();
  try {
    const then = new Reader(db, snapshot);
    const { checkpoint } = await then.meta();
    const found = await then.value(key, what, height);
    if (found === null && holds(checkpoint, height)) throw missing(height);
    return found;
  } finally {
    await snapshot.close();
  }
}

/** The blocks from a height on, and what takes their changes back; newest first. */
export async function collectFrom(
  reader: Reader,
  from: number,
): Promise<{ readonly dropped: readonly BlockRef[]; readonly undo: readonly (readonly StateChange[])[] }> {
  const dropped: BlockRef[] = [];
  const undo: (readonly StateChange[])[] = [];
  for await (const infos of reader.infos({ from, to: Number.MAX_SAFE_INTEGER }, {})) {
    for (const { header, changes } of infos) {
      dropped.push({ height: header.height, hash: header.hash });
      if (changes > 0) undo.push(await reader.undo(header.height));
    }
  }
  return { dropped: dropped.reverse(), undo: undo.reverse() };
}
