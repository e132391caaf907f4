import type { EndpointRequest, EndpointResponse } from '../../contracts/index.js';
import { problemDocument } from './problem-document.js';

/** A run of bytes; `end` is not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

const SINGLE = /^bytes=[\t ]*([0-9]*)-([0-9]*)[\t ]*$/i;

/**
 * Reads the one range that a GET asks for (RFC 9110, section 14.2). Several ranges, other units and what is not well
 * formed are passed over, as is a range of another representation than the one of `etag` (`If-Range`, section 13.1.5).
 *
 * @returns `null` for the whole; `unsatisfiable` for a range that begins behind the end
 */
export function readRange(
  request: EndpointRequest,
  { size, etag }: { readonly size: number; readonly etag: string },
): ByteRange | 'unsatisfiable' | null {
  const header = request.header('range');
  if (header === null || request.method !== 'GET' || !isSame(request, etag)) return null;
  const [, first = '', last = ''] = SINGLE.exec(header) ?? [];
  if (first !== '') return fromTo(Number(first), last === '' ? Infinity : Number(last), size);
  return last === '' ? null : suffix(Number(last), size);
}

/** What is asked for only of an unchanged body is asked for at all when there is no such condition. */
function isSame(request: EndpointRequest, etag: string): boolean {
  return (request.header('if-range') ?? etag).trim() === etag;
}

function fromTo(first: number, last: number, size: number): ByteRange | 'unsatisfiable' | null {
  if (last < first) return null;
  return first >= size ? 'unsatisfiable' : { start: first, end: Math.min(last + 1, size) };
}

function suffix(length: number, size: number): ByteRange | 'unsatisfiable' {
  return length === 0 ? 'unsatisfiable' : { start: Math.max(size - length, 0), end: size };
}

/** Whether the client has the representation of this tag (`If-None-Match`, section 13.1.2: the comparison is weak), or any by `*`. */
export function isUnchanged(request: Pick<EndpointRequest, 'header'>, etag: string): boolean {
  const header = request.header('if-none-match');
  if (header === null) return false;
  if (header.trim() === '*') return true;
  const tags = header.matchAll(/(?:W\/)?("[\x21\x23-\x7e\x80-\uffff]*")/g);
  for (const [, opaque] of tags) if (opaque === etag) return true;
  return false;
}

/** The answer to a range that is `unsatisfiable` (section 15.5.17). No code of the table has this status: the word is that of any bad request. */
export function unsatisfiable(size: number): EndpointResponse {
  const detail = `The range begins behind the end; there are ${size} bytes.`;
  const told = { status: 416, code: 'BAD_REQUEST', detail } as const;
  return problemDocument(told, { 'content-range': `bytes */${size}` });
}
