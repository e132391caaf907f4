import { duration, type SpecOf, withDefault } from '../../internal/options/index.js';

/** Options of `closeHttp2Server`. */
export interface CloseHttp2Options {
  /**
   * Time that open streams have to end, in milliseconds. 0 cuts them off at once.
   *
   * @defaultValue 5,000
   */
  readonly graceMs?: number;
}

/** Readers of the options of `closeHttp2Server`. */
export const CLOSE_HTTP2_OPTIONS = {
  graceMs: withDefault(duration({ min: 0 }), 5_000),
} satisfies SpecOf<CloseHttp2Options>;
