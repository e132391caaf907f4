import { isSyncError, SyncError } from '../../src/errors/index.js';

interface Coded {
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly message?: unknown;
  readonly syscall?: unknown;
}

/** Turns a failure of LevelDB or of the file system into ours. */
export function storeError(error: unknown, location: string): SyncError {
  if (isSyncError(error)) return error;
  const { codes, text, hasCause } = unfold(error);
  const because = { cause: error };
  if (codes.includes('LEVEL_LOCKED')) {
    return new SyncError('STORE_LOCKED', `The store at ${location} is open elsewhere.`, because);
  }
  if (/no space left|quota exceeded/i.test(text) || codes.some(isFull)) {
    return new SyncError('STORE_FULL', `There is no room left for the store at ${location}.`, because);
  }
  if (codes.includes('LEVEL_SNAPSHOT_NOT_OPEN')) {
    return new SyncError('STORE_CLOSED', 'The view of the store is closed.', because);
  }
  if (codes.includes('LEVEL_DATABASE_NOT_OPEN') && !hasCause) {
    return new SyncError(
      'STORE_CLOSED',
      'The store is not open, or holds new contents in place of those.',
      because,
    );
  }
  if (codes.includes('LEVEL_CORRUPTION') || isMissingPart(text, error)) {
    return new SyncError('STORE_DAMAGED', `The store at ${location} is damaged: ${text}`, because);
  }
  return new SyncError('STORE_IO', `The store at ${location} could not be read or written: ${text}`, because);
}

/**
 * LevelDB reports a lost or shortened file as an I/O error or as a missing database, in words only. The same words are those
 * of a folder that can't be made, where nothing was that could be damaged.
 */
function isMissingPart(text: string, error: unknown): boolean {
  if ((error as Coded).syscall === 'mkdir') return false;
  return /create_if_missing is false|no such file|missing files|does not exist|corruption|bad record|\.(?:ldb|sst): invalid argument/i.test(
    text,
  );
}

function isFull(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function unfold(error: unknown): {
  readonly codes: readonly string[];
  readonly text: string;
  readonly hasCause: boolean;
} {
  const codes: string[] = [];
  const texts: string[] = [];
  let each: unknown = error;
  for (let depth = 0; depth < 5 && typeof each === 'object' && each !== null; depth++) {
    const { code, cause, message } = each as Coded;
    if (typeof code === 'string') codes.push(code);
    if (typeof message === 'string') texts.push(message);
    each = cause;
  }
  return { codes, text: texts.at(-1) ?? String(error), hasCause: texts.length > 1 };
}
