import { SyncError } from '../errors/index.js';

/** The two parts of a request target, as they came. */
export interface Target {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

/** Scheme and authority of the absolute form (RFC 9112 section 3.2.2). */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i;

/** Splits a request target; neither part is decoded, and no header is asked where the request was meant to go. */
export function splitTarget(target: string): Target {
  const local = target.replace(ORIGIN, '');
  const mark = local.indexOf('?');
  if (mark === -1) return { path: local, query: '' };
  return { path: local.slice(0, mark), query: local.slice(mark + 1) };
}

/**
 * Reads a query string. `URLSearchParams` alone would put replacement characters where an escape is broken.
 *
 * @throws SyncError `BAD_REQUEST` for a broken percent escape or one that is not UTF-8
 */
export function parseQuery(query: string): URLSearchParams {
  try {
    decodeURIComponent(query);
  } catch (cause) {
    const message = 'The query string has a percent escape that is broken or is not UTF-8.';
    throw new SyncError('BAD_REQUEST', message, { cause });
  }
  return new URLSearchParams(query);
}
