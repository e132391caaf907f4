import type { EndpointResponse } from '../../contracts/index.js';
import { ERROR_CODES, type ErrorCode } from '../../errors/index.js';

/** What a problem document says. */
export interface ProblemMembers {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  /** Further members, such as `ancestors`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/**
 * Answers with a problem document (RFC 9457), which nobody keeps. Its type names the code's place in the documents of the
 * package, as there is no address at which they always are.
 *
 * @param headers - further ones.
 */
export function problemDocument(
  { status, code, detail, more = {} }: ProblemMembers,
  headers: Readonly<Record<string, string>> = {},
): EndpointResponse {
  const title = ERROR_CODES[code].summary;
  const members = { type: problemTypeOf(code), title, status, detail, code, ...more };
  const body = new TextEncoder().encode(JSON.stringify(members));
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'content-length': String(body.length),
      'cache-control': 'no-store',
      ...headers,
    },
    body,
  };
}

/** `urn:blockferry:docs/errors.md#below_base`: the package, the document in it, and the heading. */
export function problemTypeOf(code: ErrorCode): string {
  return `urn:blockferry:docs/errors.md#${code.toLowerCase()}`;
}
