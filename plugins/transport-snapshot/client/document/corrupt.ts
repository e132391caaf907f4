import { SyncError } from '../../../../src/errors/index.js';

/** The error for a document that does not agree with its form, its manifest or itself. */
export function corrupt(why: string, cause?: unknown): SyncError {
  return new SyncError('SNAPSHOT_CORRUPT', `The snapshot document is not valid: ${why}.`, { cause });
}
