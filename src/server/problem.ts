import type { EndpointResponse } from '../contracts/index.js';
import { ERROR_CODES, isSyncError, SyncError, type ErrorCode, type ErrorContext } from '../errors/index.js';
import { problemDocument } from '../internal/http/problem-document.js';

/** Failures of the server's own whose message holds nothing but figures; all other messages may name paths. */
const TELLING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SERVER_BUSY',
  'SNAPSHOT_BUILDING',
  'BLOCK_TOO_LARGE',
]);

/** Answers of this class that are no failures. */
const PLANNED: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['SERVER_BUSY', 'SNAPSHOT_BUILDING']);

/** An error as the client is told of it. */
interface Problem {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly context: ErrorContext;
  /** Whether it is a failure of the server, which its operator has to hear of. */
  readonly own: boolean;
}

/**
 * Turns an error into `application/problem+json` (RFC 9457). What is not meant for the client (other errors, paths,
 * stacks) goes to `report` only.
 */
export function problemResponse(error: unknown, report: (error: unknown) => void): EndpointResponse {
  const problem = toProblem(error);
  if (problem.own) report(error);
  const { code, status, detail, context } = problem;
  const { ancestors, base } = context;
  const more = { ...(ancestors === undefined ? {} : { ancestors }), ...(base === undefined ? {} : { base }) };
  return problemDocument({ status, code, detail, more }, retryAfter(context.retryAfterMs));
}

function toProblem(error: unknown): Problem {
  if (!isSyncError(error)) return internal();
  // To its client, a damaged store is another's.
  if (error.code === 'STORE_DAMAGED') return failed('PEER_DAMAGED');
  const { status } = ERROR_CODES[error.code];
  if (status === null || error.code === 'INTERNAL') return internal();
  const { code, context } = error;
  if (status < 500) return { code, status, detail: error.message, context, own: false };
  const detail = TELLING.has(code) ? error.message : ERROR_CODES[code].summary;
  return { code, status, detail, context, own: !PLANNED.has(code) };
}

function internal(): Problem {
  return failed('INTERNAL');
}

function failed(code: 'INTERNAL' | 'PEER_DAMAGED'): Problem {
  return { code, status: 500, detail: ERROR_CODES[code].summary, context: {}, own: true };
}

/** RFC 9110 section 10.2.3: whole seconds. */
function retryAfter(ms: number | undefined): Record<string, string> {
  return ms === undefined ? {} : { 'retry-after': String(Math.ceil(ms / 1000)) };
}

/** The error for a path that nothing is at. */
export function notFound(): SyncError {
  return new SyncError('NOT_FOUND', 'There is nothing at this path.');
}
