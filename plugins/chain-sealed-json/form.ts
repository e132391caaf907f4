import { Sha256, sha256Hex } from '#platform/sha256';
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
const copy = new Uint8Array(1 + COPIED_BYTES).fill(BRACE);

/** The hash that a document's bytes have, whatever the one is that it states. */
export function hashOf(document: Uint8Array): string {
  const hashed = document.subarray(HASHED_FROM);
  // Two pieces, so that nothing is copied.
  if (hashed.length > COPIED_BYTES) return new Sha256().update('{').update(hashed).hex();
  copy.set(hashed, 1);
  return sha256Hex(copy.subarray(0, 1 + hashed.length));
}

/** Does what {@link hashOf} does for a document among others, whose bytes may change meanwhile, so that none is copied. */
export function hashInPlace(bytes: Uint8Array, { start, end }: Span): string {
  const from = start + HASHED_FROM - 1;
  const before = bytes[from] as number;
  bytes[from] = BRACE;
  const digest = sha256Hex(bytes.subarray(from, end));
  bytes[from] = before;
  return digest;
}
