import { isSyncError, SyncError } from '../../src/errors/index.js';

interface Coded {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** What a server answers while it fails over, is full of connections, or undid a transaction that may be tried again. */
const PASSING = /^(?:08...|57P0.|53300|25006|40001|40P01)$/;

/** Of the client, and of the system below it: the connection, or the answer, did not come. */
const NO_ANSWER =
  /^(?:ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN|ENOTFOUND|ENOENT)|connection terminated|timeout|not queryable|client was closed/i;

/** Whether the same may succeed with another connection; it may also have happened, where it was to be committed. */
export function isPassing(error: unknown): boolean {
  if (isSyncError(error) || error instanceof TypeError) return false;
  const { code, message } = partsOf(error);
  return PASSING.test(code) || NO_ANSWER.test(code) || (code === '' && NO_ANSWER.test(message));
}

/** The error of a server that stayed away for too long. */
export function unavailable(cause: unknown): SyncError {
  const message = `The database could not be reached: ${partsOf(cause).message}`;
  return new SyncError('STORE_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
}

/** Turns what the server or the client refused into an error of ours. */
export function storeError(error: unknown): unknown {
  if (isSyncError(error) || error instanceof TypeError) return error;
  const { code, message } = partsOf(error);
  const because = { cause: error };
  if (isPassing(error)) return unavailable(error);
  if (code === '53100') return new SyncError('STORE_FULL', 'The database has no room left.', because);
  if (code === '42P01' || code === '3F000' || code === '3D000')
    return new SyncError(
      'STORE_NOT_FOUND',
      `The tables are not there; \`createPostgresStore\` makes them: ${message}`,
      because,
    );
  if (code === '42703')
    return new SyncError('STORE_VERSION', `The tables have another form: ${message}`, because);
  return new SyncError('STORE_IO', `The database refused: ${message}`, because);
}

function partsOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code, message } = (typeof error === 'object' && error !== null ? error : {}) as Coded;
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' && message !== '' ? message : String(error),
  };
}
