import type { CodecRegistry, Frame } from '../../src/contracts/index.js';
import { SyncError } from '../../src/errors/index.js';
import { formatBlockEvent } from './wire.js';

/** Size that small events are gathered to, in bytes: one write for many of them. */
const CHUNK_BYTES = 64 * 1024;

/** Turns frames into chunks of block events in one codec. */
export class EventWriter {
  readonly #codecs: CodecRegistry;
  readonly #codec: string;
  readonly #maxBlockBytes: number;

  constructor(codecs: CodecRegistry, codec: string, maxBlockBytes: number) {
    this.#codecs = codecs;
    this.#codec = codec;
    this.#maxBlockBytes = maxBlockBytes;
  }

  /**
   * The events of some frames, small ones gathered. When a frame can't be sent, those before it are.
   *
   * @throws SyncError `BLOCK_TOO_LARGE`, `CODEC_CORRUPT`
   */
  *chunks(frames: readonly Frame[]): Generator<Uint8Array> {
    let gathered: Uint8Array[] = [];
    let size = 0;
    try {
      for (const frame of frames) {
        const event = formatBlockEvent(this.#encoded(frame));
        if (size > 0 && size + event.byteLength > CHUNK_BYTES) {
          yield joined(gathered);
          gathered = [];
          size = 0;
        }
        gathered.push(event);
        size += event.byteLength;
      }
    } catch (error) {
      if (size > 0) yield joined(gathered);
      throw error;
    }
    if (size > 0) yield joined(gathered);
  }

  /** What the store holds goes out as it is wherever the client takes that codec. */
  #encoded(frame: Frame): Frame {
    const { height } = frame.header;
    if (frame.documentBytes > this.#maxBlockBytes) {
      const message = `Block ${height} has ${frame.documentBytes} bytes, more than this server sends.`;
      throw new SyncError('BLOCK_TOO_LARGE', message, { height });
    }
    if (frame.codec === this.#codec) return frame;
    const limits = { maxOutputBytes: Math.max(1, frame.documentBytes) };
    const document = this.#codecs.get(frame.codec).decode(frame.bytes, limits);
    return { ...frame, codec: this.#codec, bytes: this.#codecs.get(this.#codec).encode(document) };
  }
}

function joined(events: readonly Uint8Array[]): Uint8Array {
  const [first] = events;
  return events.length === 1 && first !== undefined ? first : Buffer.concat(events);
}
