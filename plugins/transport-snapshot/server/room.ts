import { statfs } from 'node:fs/promises';
import { PRIVATE_DIRECTORY } from '../../../src/internal/private-mode.js';
import { makeDirectory } from '../../../src/internal/node/make-directory.js';

/** So much of a disk is left to the store and to whatever else writes to it. */
const FREE_RESERVE_BYTES = 256 * 1024 * 1024;

/** Bytes that a new snapshot may take, and what bounds them. */
export interface Room {
  readonly bytes: number;
  readonly boundBy: 'maxBytes' | 'disk';
}

/** How much room there is in a directory, which is made when it is missing. @throws what the file system throws */
export async function roomIn(
  directory: string,
  { maxBytes, usedBytes }: { readonly maxBytes: number; readonly usedBytes: number },
): Promise<Room> {
  await makeDirectory(directory, PRIVATE_DIRECTORY);
  const { bavail, bsize } = await statfs(directory);
  const free = Math.max(0, bavail * bsize - FREE_RESERVE_BYTES);
  const left = Math.max(0, maxBytes - usedBytes);
  return left <= free ? { bytes: left, boundBy: 'maxBytes' } : { bytes: free, boundBy: 'disk' };
}
