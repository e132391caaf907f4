/**
 * Decoded bytes of one full stream. A level 9 block of libbz2 holds 900,000 bytes less 19, so this makes one block
 * unless the bytes have runs of four.
 */
export const STREAM_BYTES = 899_981;

/** All bytes in one array that owns its memory; the only piece itself when there is just one. */
export function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
