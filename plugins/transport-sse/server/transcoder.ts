import type { CodecRegistry, Frame, ServerLimits } from '../../../src/contracts/index.js';
import { SyncError } from '../../../src/errors/index.js';
import { bytesIn } from '../../../src/internal/expansion.js';
import { FrameTurns } from '../../../src/internal/turns.js';

/** Brings stored frames into the codec that a client asked for. */
export class Transcoder {
  readonly #codecs: CodecRegistry;
  readonly #limits: ServerLimits;
  readonly #codec: string;
  readonly #turns: FrameTurns;

  constructor(codecs: CodecRegistry, limits: ServerLimits, codec: string) {
    this.#codecs = codecs;
    this.#limits = limits;
    this.#codec = codec;
    this.#turns = new FrameTurns(codec);
  }

  /** Whether so much was encoded that others should have their turn: see {@link nextTurn}. */
  get isDue(): boolean {
    return this.#turns.isDue;
  }

  /** Gives others their turn. */
  nextTurn(): Promise<void> {
    return this.#turns.next();
  }

  /** @throws SyncError `BLOCK_TOO_LARGE`, `CODEC_*` */
  frame(frame: Frame): Pick<Frame, 'header' | 'codec' | 'bytes'> {
    const { header, documentBytes } = frame;
    const { maxBlockBytes } = this.#limits;
    if (documentBytes > maxBlockBytes) {
      const message = `Block ${header.height} has ${documentBytes} bytes; the limit is ${maxBlockBytes}.`;
      throw new SyncError('BLOCK_TOO_LARGE', message, { height: header.height });
    }
    this.#turns.count(frame);
    const bytes = bytesIn(this.#codecs, frame, this.#codec);
    return bytes === frame.bytes ? frame : { header, codec: this.#codec, bytes };
  }
}
