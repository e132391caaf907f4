import type { BlockHeader, BlockRef } from '../contracts/index.js';
import { SyncError } from '../errors/index.js';

/**
 * Checks that a block is the one that was expected.
 *
 * @throws SyncError `HEIGHT_MISMATCH`, `HASH_MISMATCH`
 */
export function requireExpected(header: BlockHeader, expected: Partial<BlockRef> | null): void {
  const { height = header.height, hash = header.hash } = expected ?? {};
  if (height !== header.height) {
    const message = `The block states height ${header.height} where ${height} was expected.`;
    throw new SyncError('HEIGHT_MISMATCH', message, { height });
  }
  if (hash !== header.hash) {
    const message = `Block ${height} states the hash ${header.hash} where ${hash} was expected.`;
    throw new SyncError('HASH_MISMATCH', message, { height });
  }
}

/**
 * Checks that a block has the hash that it states.
 *
 * @throws SyncError `HASH_MISMATCH`
 */
export function requireHash(header: BlockRef, computed: string): void {
  if (computed === header.hash) return;
  const message = `Block ${header.height} states the hash ${header.hash}; its bytes have ${computed}.`;
  throw new SyncError('HASH_MISMATCH', message, { height: header.height });
}
