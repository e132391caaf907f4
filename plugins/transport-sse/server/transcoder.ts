import { setImmediate as breathe } from 'node:timers/promises';
import type { CodecRegistry, Frame, ServerLimits } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { bytesIn } from '../../../src/internal/expansion.js';

/** After so many bytes of encoding work other requests get their turn. */
const BREATHE_BYTES = 256 * 1024;

/** Brings stored frames into the codec that a client asked for. */
export class Transcoder {
  readonly #codecs: CodecRegistry;
  readonly #limits: ServerLimits;
  readonly #codec: string;
  #worked = 0;

  constructor(codecs: CodecRegistry, limits: ServerLimits, codec: string) {
    this.#codecs = codecs;
    this.#limits = limits;
    this.#codec = codec;
  }

  /** Whether so much was encoded that others should have their turn: see {@link breathe}. */
  get isDue(): boolean {
    return this.#worked >= BREATHE_BYTES;
  }

  /** Gives others their turn. */
  async breathe(): Promise<void> {
    this.#worked = 0;
    await breathe();
  }

  /** @throws SyncError `BLOCK_TOO_LARGE`, `CODEC_*` */
  frame(frame: Frame): Pick<Frame, 'header' | 'codec' | 'bytes'> {
    const { header, documentBytes } = frame;
    const { maxBlockBytes } = this.#limits;
    if (documentBytes > maxBlockBytes) {
      const message = `Block ${header.height} has ${documentBytes} bytes; the limit is ${maxBlockBytes}.`;
      throw new SyncError('BLOCK_TOO_LARGE', message, { height: header.height });
    }
    if (frame.codec !== this.#codec) this.#worked += documentBytes;
    const bytes = bytesIn(this.#codecs, frame, this.#codec);
    return bytes === frame.bytes ? frame : { header, codec: this.#codec, bytes };
  }
}
