import { integer, type SpecOf, withDefault } from '../../src/internal/options/index.js';

/** Options of `gzip`. */
export interface GzipOptions {
  /**
   * Compression level, 0 (none) to 9 (smallest).
   *
   * @defaultValue 6
   */
  readonly level?: number;
}

/** Readers of the options. */
export const GZIP_OPTIONS = {
  level: withDefault(integer({ min: 0, max: 9 }), 6),
} satisfies SpecOf<GzipOptions>;
