import { isSyncError, SyncError } from '../../../src/errors/index.js';

/** What the operating system refused, as an error of ours. */
export function diskError(error: unknown): SyncError {
  if (isSyncError(error)) return error;
  const code = codeOf(error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const reason = error instanceof Error ? error.message : 'it failed';
  return new SyncError(
    full ? 'STORE_FULL' : 'STORE_IO',
    `The parts of a snapshot can not be kept: ${reason}.`,
    {
      cause: error,
    },
  );
}

/** Whether there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
