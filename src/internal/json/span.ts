/** A run of bytes: from `start` up to, but not including, `end`. */
export interface Span {
  /** The first byte. */
  readonly start: number;
  /** Behind the last one. */
  readonly end: number;
}
