import { SyncError } from '../../errors/index.js';

/** The error for bytes that are not a block document; the offset counts from the first byte that was given. */
export function malformed(offset: number, what: string): SyncError {
  return new SyncError('BLOCK_MALFORMED', `Not a valid block document: ${what} at byte ${offset}.`);
}

/** The error for a byte that the grammar does not allow, with the two usual causes named. */
export function unexpected(bytes: Uint8Array, offset: number, wanted: string): SyncError {
  const byte = bytes[offset];
  if (byte === 0x0a || byte === 0x0d) return malformed(offset, 'a raw line break');
  if (byte === 0xef && bytes[offset + 1] === 0xbb && bytes[offset + 2] === 0xbf) {
    return malformed(offset, 'a byte order mark');
  }
  return malformed(offset, `${wanted} missing`);
}
