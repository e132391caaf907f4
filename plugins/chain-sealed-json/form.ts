import { createHash } from 'node:crypto';

/** What the block at height 0 states as its parent: 64 zeros. */
export const SEALED_JSON_GENESIS = '0'.repeat(64);

/** The names that a document starts with and that must not occur again at its top level. */
export const RESERVED_NAMES = ['hash', 'height', 'previousHash'] as const;

/** Where the hashed part goes on after its first byte `{`: behind `{"hash":"H",` with the 64 digits of H. */
export const HASHED_FROM = 75;

/** The hash that a document's bytes have, whatever the one is that it states. Two pieces, so that nothing is copied. */
export function hashOf(document: Uint8Array): string {
  return createHash('sha256').update('{').update(document.subarray(HASHED_FROM)).digest('hex');
}
