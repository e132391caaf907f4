import { SyncError } from '../../src/errors/index.js';
import { ByteRope } from '../../src/internal/byte-rope.js';

/** Media type of a range of frames, one behind the other, each behind its length in 4 bytes, big-endian. */
export const FRAMES_TYPE = 'application/x-blockferry-frames';

const LENGTH_BYTES = 4;

/** The media type that names the codec of the frames. */
export function framesType(codec: string): string {
  return `${FRAMES_TYPE}; codec=${codec}`;
}

/** Bounds of a {@link FrameSplitter}. */
export interface FrameSplitterOptions {
  readonly maxFrameBytes: number;
  /** Height of the frame with an index, for errors. */
  readonly heightOf: (index: number) => number;
}

/** Splits a body of {@link FRAMES_TYPE}. */
export class FrameSplitter {
  readonly #options: FrameSplitterOptions;
  readonly #rope = new ByteRope();
  #count = 0;
  /** Length of the frame that is being read; `null` while its length is. */
  #frameBytes: number | null = null;
  #held = 0;
  #length = 0;
  #lengthBytes = 0;

  constructor(options: FrameSplitterOptions) {
    this.#options = options;
  }

  /** Frames that came whole so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes the next bytes, cut anywhere, and calls `emit` for each frame that they complete.
   *
   * @throws SyncError `EVENT_TOO_LARGE`
   */
  push(chunk: Uint8Array, emit: (frame: Uint8Array) => void): void {
    let at = 0;
    while (at < chunk.length) {
      at =
        this.#frameBytes === null
          ? this.#takeLength(chunk, at)
          : this.#takeBytes(chunk, at, this.#frameBytes);
      if (this.#frameBytes === null || this.#held < this.#frameBytes) continue;
      this.#frameBytes = null;
      this.#held = 0;
      this.#count += 1;
      emit(this.#rope.take());
    }
  }

  /** @throws SyncError `STREAM_TRUNCATED` in the middle of a frame */
  end(): void {
    if (this.#frameBytes === null && this.#lengthBytes === 0) return;
    const height = this.#options.heightOf(this.#count);
    throw new SyncError('STREAM_TRUNCATED', `The response ended inside block ${height}.`, { height });
  }

  #takeLength(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length && this.#lengthBytes < LENGTH_BYTES) {
      this.#length = this.#length * 256 + (chunk[at++] as number);
      this.#lengthBytes += 1;
    }
    if (this.#lengthBytes < LENGTH_BYTES) return at;
    this.#checkSize(this.#length);
    this.#frameBytes = this.#length;
    this.#length = 0;
    this.#lengthBytes = 0;
    return at;
  }

  #takeBytes(chunk: Uint8Array, from: number, frameBytes: number): number {
    const end = Math.min(chunk.length, from + frameBytes - this.#held);
    this.#rope.append(chunk.subarray(from, end));
    this.#held += end - from;
    return end;
  }

  #checkSize(bytes: number): void {
    const { maxFrameBytes, heightOf } = this.#options;
    if (bytes <= maxFrameBytes) return;
    const height = heightOf(this.#count);
    const message = `Block ${height} has ${bytes} bytes in its codec; the limit is ${maxFrameBytes}.`;
    throw new SyncError('EVENT_TOO_LARGE', message, { height });
  }
}
