import type { DocumentKind } from '../../src/testing/fixture-frames.js';

/** The size of the block at a height: large enough for a tile every few blocks, in intervals of several widths. */
export function kindAt(height: number): DocumentKind {
  if (height % 16 < 4) return { bytes: 1_500_000 };
  return height % 3 === 0 ? { bytes: 90_000, isGzip: true } : { bytes: 2000 + (height % 7) * 400 };
}
