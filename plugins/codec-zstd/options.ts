import { integer, type SpecOf, withDefault } from '../../src/internal/options/index.js';

/** Options of `zstd`. */
export interface ZstdOptions {
  /**
   * Compression level, 1 (fastest) to 22 (smallest).
   *
   * @defaultValue 3
   */
  readonly level?: number;
}

/** Readers of the options. */
export const ZSTD_OPTIONS = {
  level: withDefault(integer({ min: 1, max: 22 }), 3),
} satisfies SpecOf<ZstdOptions>;
