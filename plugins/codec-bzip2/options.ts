import { boolean, integer, type SpecOf, withDefault } from '../../src/internal/options/index.js';

/** Options of `bzip2`. */
export interface Bzip2Options {
  /**
   * Block size in units of 100,000 bytes, 1 to 9 (smallest output).
   *
   * @defaultValue 9
   */
  readonly level?: number;
  /**
   * Whether `decodeStream` takes any streams in a row, as `bunzip2` does. Otherwise a stream that is not full, one of
   * other than `BZIP2_STREAM_BYTES` decoded bytes, must be the last, so that nothing can be appended to a body. `decode`
   * always holds to that.
   *
   * @defaultValue `false`
   */
  readonly multiStream?: boolean;
}

/** Readers of the options. */
export const BZIP2_OPTIONS = {
  level: withDefault(integer({ min: 1, max: 9 }), 9),
  multiStream: withDefault(boolean(), false),
} satisfies SpecOf<Bzip2Options>;
