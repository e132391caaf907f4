import type { AbortOptions } from './lifecycle.js';

/** Bound on what a decoder may produce. */
export interface DecodeLimits {
  /** The decoder stops, with `CODEC_OUTPUT_TOO_LARGE`, before it has produced more than this many bytes. */
  readonly maxOutputBytes: number;
}

/**
 * A reversible encoding of bytes.
 *
 * The whole-buffer calls are for one block; the streaming calls are for bodies of any size and hold no more than a
 * few buffers at a time.
 */
export interface Codec {
  /** Name on the wire: `[a-z0-9-]{1,16}`. */
  readonly id: string;
  readonly supports: {
    readonly encode: boolean;
    readonly decode: boolean;
    /** The `Content-Encoding` token for the same bytes; `null` when HTTP has none. */
    readonly contentEncoding: string | null;
    /** Whether it is quick enough for single blocks on the thread that serves them. Default true. */
    readonly blocks?: boolean;
  };
  /** Encodes one document. The result's memory is the caller's alone, or the input's. */
  encode(document: Uint8Array): Uint8Array;
  /**
   * Decodes what `encode` of any implementation made: exactly one member, nothing after it. The result's memory is the
   * caller's alone, or the input's.
   *
   * @throws SyncError `CODEC_CORRUPT` for damaged, truncated, multi-member or trailing input,
   * `CODEC_OUTPUT_TOO_LARGE` when the output would pass the limit.
   */
  decode(bytes: Uint8Array, limits: DecodeLimits): Uint8Array;
  /**
   * Makes what `encode` of any implementation made at least so many bytes long, without a change of what it decodes to;
   * absent where the format has no room for it. Receivers of version 0.1.0 refuse what expands to more than 200 times
   * its length, above 1 MiB.
   */
  pad?(bytes: Uint8Array, leastBytes: number): Uint8Array;
  /** Encodes a body of any length as it comes. */
  encodeStream(source: AsyncIterable<Uint8Array>, options?: AbortOptions): AsyncIterable<Uint8Array>;
  /**
   * Decodes a body of any length as it comes.
   *
   * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`
   */
  decodeStream(
    source: AsyncIterable<Uint8Array>,
    options: DecodeLimits & AbortOptions,
  ): AsyncIterable<Uint8Array>;
}

/** The codecs of one engine or server, by wire name and in order of preference. */
export interface CodecRegistry {
  readonly ids: readonly string[];
  /** @throws SyncError `CODEC_UNAVAILABLE` when no codec of that name is registered. */
  get(id: string): Codec;
  /** Whether a codec of that name is registered. */
  has(id: string): boolean;
}
