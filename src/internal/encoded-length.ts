import type { Frame } from '../contracts/index.js';

/**
 * Length of a frame's bytes. Those of a raw one are not read for it: a block of a tile is decoded where they are.
 */
export function encodedLength(frame: Frame): number {
  return frame.codec === 'identity' ? frame.documentBytes : frame.bytes.byteLength;
}
