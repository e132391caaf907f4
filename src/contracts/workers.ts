import type { DecodeLimits } from './codec.js';
import type { AbortOptions, Closeable } from './lifecycle.js';

/** One run of bytes of a body to pack: plain, or a frame to decode on the way. */
export type PackChunk =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'frame';
      readonly codec: string;
      readonly bytes: Uint8Array;
      /** Length of the decoded document; checked. */
      readonly documentBytes: number;
    };

/** A run of a body to be encoded in independently decodable parts. */
export interface PackTask {
  /** Codec of the parts. */
  readonly codec: string;
  /** Joined in this order. */
  readonly chunks: readonly PackChunk[];
  /** Decoded bytes of one part at most; a longer run is cut into several parts. */
  readonly maxPartBytes: number;
}

/** One encoded part. */
export interface PackedPart {
  readonly bytes: Uint8Array;
  readonly rawLength: number;
  /** Of `bytes`, lower-case hex. */
  readonly sha256: string;
}

/** An encoded run, in memory that is the caller's alone. */
export interface Packed {
  readonly parts: readonly PackedPart[];
  /** The run's decoded bytes, joined, for a hash over the whole body. */
  readonly raw: Uint8Array;
}

/**
 * Codec work on worker threads, several pieces at once. Waiting pieces are bounded by the callers: each starts no more
 * than `threads + 1` at a time.
 */
export interface CodecWorkers extends Closeable {
  /** How many pieces are worked on at once. */
  readonly threads: number;
  /** Decodes frames and encodes parts. @throws SyncError `CODEC_*`, `ABORTED` */
  pack(task: PackTask, options?: AbortOptions): Promise<Packed>;
  /**
   * Encodes documents, each by itself, in their order. With `owned` the documents' memory is given up: it is taken, not
   * copied, where it is one block.
   *
   * @throws SyncError `CODEC_UNAVAILABLE`, `ABORTED`
   */
  encode(
    codec: string,
    documents: readonly Uint8Array[],
    options?: AbortOptions & { readonly owned?: boolean },
  ): Promise<readonly Uint8Array[]>;
  /**
   * Decodes one part: exactly what one `encode` made, nothing after it. Input that is damaged or too large stops the
   * work, not the process.
   *
   * @throws SyncError `CODEC_CORRUPT`, `CODEC_OUTPUT_TOO_LARGE`, `CODEC_UNAVAILABLE`, `ABORTED`
   */
  decode(codec: string, bytes: Uint8Array, limits: DecodeLimits, options?: AbortOptions): Promise<Uint8Array>;
}
