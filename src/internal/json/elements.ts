import { Input } from './input.js';
import { MAX_DEPTH } from './scan.js';
import type { Span } from './span.js';
import { skipSpace, skipValue } from './value.js';

/** The values of an array that a scan has found, one after the other; nothing when the value is no array. */
export function* elements(bytes: Uint8Array, array: Span): Generator<Span> {
  if (bytes[array.start] !== 0x5b) return;
  const input = new Input(bytes, array.end, MAX_DEPTH);
  let start = skipSpace(bytes, array.start + 1);
  while (start < array.end - 1) {
    const end = skipValue(input, start);
    yield { start, end };
    start = skipSpace(bytes, skipSpace(bytes, end) + 1);
  }
}
