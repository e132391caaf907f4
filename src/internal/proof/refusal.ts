import { SyncError } from '../../errors/index.js';

/** The error for a part of a block that is not what the block's header or hash says. */
export function mismatch(height: number, what: string): SyncError {
  return new SyncError('HASH_MISMATCH', `Block ${height}: ${what}.`, { height });
}

/** The error for a signature that is missing, or not that of whom it should be. */
export function unsigned(height: number, what: string): SyncError {
  return new SyncError('SIGNATURE_INVALID', `Block ${height}: ${what}.`, { height });
}
