import { createHash, hash } from 'node:crypto';
import type { Span } from '../../src/internal/json/index.js';

/** What the block at height 0 states as its parent: 64 zeros. */
export const SEALED_JSON_GENESIS = '0'.repeat(64);

/** The names that a document starts with and that must not occur again at its top level. */
export const RESERVED_NAMES = ['hash', 'height', 'previousHash'] as const;

/** Where the hashed part goes on after its first byte `{`: behind `{"hash":"H",` with the 64 digits of H. */
export const HASHED_FROM = 75;

/** Documents up to this many bytes are copied, to be hashed by one call: a hash object costs more than that. */
const COPIED_BYTES = 4096;

const BRACE = 0x7b;
const copy = Buffer.alloc(1 + COPIED_BYTES, BRACE);

/** The hash that a document's bytes have, whatever the one is that it states. */
export function hashOf(document: Uint8Array): string {
  const hashed = document.subarray(HASHED_FROM);
  // Two pieces, so that nothing is copied.
  if (hashed.length > COPIED_BYTES) return createHash('sha256').update('{').update(hashed).digest('hex');
  copy.set(hashed, 1);
  return hash('sha256', copy.subarray(0, 1 + hashed.length), 'hex');
}

/** Does what {@link hashOf} does for a document among others, whose bytes may change meanwhile, so that none is copied. */
export function hashInPlace(bytes: Uint8Array, { start, end }: Span): string {
  const from = start + HASHED_FROM - 1;
  const before = bytes[from] as number;
  bytes[from] = BRACE;
  const digest = hash('sha256', bytes.subarray(from, end), 'hex');
  bytes[from] = before;
  return digest;
}
