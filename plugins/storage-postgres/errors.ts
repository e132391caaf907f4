import { isSyncError, SyncError } from '../../src/errors/index.js';

/** The connection, or the answer, did not come: what was asked for may have happened. */
export class NoAnswer extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** The server does not have what was acknowledged: it was promoted without it, or is not promoted yet. */
export class Behind extends Error {}

/** Another transaction made the same at the same time: at the next try it is there. */
export class MadeMeanwhile extends Error {
  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** What a server answers while it fails over, is full of connections, or undid a transaction that may be tried again. */
const PASSING = /^(?:08...|57P0[1-3]|57014|55P03|25P03|53300|25006|40...)$/;

/** Those that another server may not answer. */
const OF_THE_SERVER = /^(?:08...|57P0[1-3]|25006)$/;

/** Whether the same may succeed later; it may also have happened, where it was to be committed. */
export function isPassing(error: unknown): boolean {
  return isOfTheConnection(error) || error instanceof MadeMeanwhile || PASSING.test(sqlStateOf(error));
}

/** Whether the same may succeed with another server. */
export function isOfTheServer(error: unknown): boolean {
  return isOfTheConnection(error) || OF_THE_SERVER.test(sqlStateOf(error));
}

function isOfTheConnection(error: unknown): boolean {
  return error instanceof NoAnswer || error instanceof Behind;
}

/** What the client threw: as it is when it is a server's answer or a mistake of ours, else that there was no answer. */
export function answerOf(error: unknown): unknown {
  const isKnown = error instanceof TypeError || isSyncError(error) || sqlStateOf(error) !== '';
  if (isKnown) return error;
  return isOfThePassword(error) ? passwordError(error) : new NoAnswer(error);
}

/** The client's own refusals to go on with a server that asks for a password have no code. */
function isOfThePassword(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('SASL: ');
}

function passwordError(cause: unknown): SyncError {
  const message = `The database and the client do not agree on a password, which comes from the URL, from \`PGPASSWORD\` or from a pgpass file: ${messageOf(cause)}`;
  return new SyncError('STORE_IO', message, { cause });
}

/** SQLSTATE of a server's answer; empty for other errors. Those of Node have codes too, but no severity. */
export function sqlStateOf(error: unknown): string {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && typeof severity === 'string' ? code : '';
}

/** The error of a server that stayed away for too long. */
export function unavailable(cause: unknown): SyncError {
  const message = `The database could not be reached: ${messageOf(cause)}`;
  return new SyncError('STORE_UNAVAILABLE', message, { cause, retryAfterMs: 5_000 });
}

/** Turns what the server or the client refused into an error of ours. */
export function storeError(error: unknown): unknown {
  if (isSyncError(error) || error instanceof TypeError) return error;
  if (isPassing(error)) return unavailable(error);
  const because = { cause: error };
  const message = messageOf(error);
  switch (sqlStateOf(error)) {
    case '53100':
      return new SyncError('STORE_FULL', 'The database has no room left.', because);
    case '42P01':
    case '3F000':
    case '3D000':
      return new SyncError(
        'STORE_NOT_FOUND',
        `The tables are not there; \`createPostgresStore\` makes them: ${message}`,
        because,
      );
    case '28P01':
      return passwordError(error);
    case '42703':
      return new SyncError('STORE_VERSION', `The tables have another form: ${message}`, because);
    default:
      return new SyncError('STORE_IO', `The database refused: ${message}`, because);
  }
}

/** Several addresses of a name that all refuse are one error without a text of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
